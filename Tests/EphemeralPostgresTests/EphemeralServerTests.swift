import Foundation
import Glibc
import Testing

@testable import EphemeralPostgres

@Suite struct EphemeralServerTests {
    @Test func `a server answers through a socket that only its user can reach, and not over TCP`() async throws {
        try await EphemeralServer.withServer { server in
            let connection = server.connectionString(database: "postgres")
            let answer = try await query(connection, "SELECT current_user")
            #expect(answer == "postgres")
            #expect(try await query(connection, "SHOW listen_addresses") == "")
            #expect(permissions(of: server.socketDirectory) == 0o700)
            #expect(permissions(of: server.dataDirectory) == 0o700)
            #expect(server.connectionStringOverTCP(database: "postgres") == nil)
        }
    }

    @Test func `by default a server does not wait for the disk`() async throws {
        try await EphemeralServer.withServer { server in
            let connection = server.connectionString(database: "postgres")
            for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
                let value = try await query(connection, "SHOW \(setting)")
                #expect(value == "off")
            }
        }
    }

    @Test func `a durable server keeps PostgreSQL's settings, and extra settings win`() async throws {
        var options = EphemeralServer.Options()
        options.durable = true
        options.maxConnections = 33
        options.settings = ["application_name": #"it's a \ "name""#, "timezone": "Europe/Vienna"]
        try await EphemeralServer.withServer(options) { server in
            let connection = server.connectionString(database: "postgres")
            let fsync = try await query(connection, "SHOW fsync")
            #expect(fsync == "on")
            #expect(try await query(connection, "SHOW max_connections") == "33")
            #expect(try await query(connection, "SHOW timezone") == "Europe/Vienna")
            let written = "SELECT setting FROM pg_file_settings WHERE name = 'application_name'"
            #expect(try await query(connection, written) == #"it's a \ "name""#)
        }
    }

    @Test func `over TCP a server asks for its password`() async throws {
        var options = EphemeralServer.Options()
        options.listensOnTCP = true
        try await EphemeralServer.withServer(options) { server in
            let connection = try #require(server.connectionStringOverTCP(database: "postgres"))
            #expect(try await query(connection, "SELECT inet_server_port()") == String(server.port))
            let error = await #expect(throws: ProgramFailure.self) {
                try await query("host=127.0.0.1 port=\(server.port) user=postgres dbname=postgres", "SELECT 1")
            }
            #expect(error?.output.contains("no password supplied") == true)
        }
    }

    @Test(arguments: [EphemeralServer.StopMode.fast, .immediate])
    func `committed data survives a restart`(mode: EphemeralServer.StopMode) async throws {
        var options = EphemeralServer.Options()
        options.settings = ["synchronous_commit": "on"]
        try await EphemeralServer.withServer(options) { server in
            let connection = server.connectionString(database: "postgres")
            _ = try await query(connection, "CREATE TABLE kept AS SELECT 42 AS answer")
            let before = try #require(server.processID)
            try await server.stop(mode: mode)
            #expect(server.processID == nil)
            #expect(!isAlive(before))
            await #expect(throws: ProgramFailure.self) { try await query(connection, "SELECT 1") }
            try await server.resume()
            #expect(server.processID != before)
            #expect(try await query(connection, "SELECT answer FROM kept") == "42")
        }
    }

    @Test func `a suspended server can be continued, and stopped while suspended`() async throws {
        try await EphemeralServer.withServer { server in
            let processID = try #require(server.processID)
            #expect(kill(processID, SIGSTOP) == 0)
            #expect(kill(processID, SIGCONT) == 0)
            #expect(try await query(server.connectionString(database: "postgres"), "SELECT 1") == "1")
            #expect(kill(processID, SIGSTOP) == 0)
            try await server.stop()
            #expect(!isAlive(processID))
        }
    }

    @Test func `a database can be copied from another, and dropped while in use`() async throws {
        try await EphemeralServer.withServer { server in
            try await server.createDatabase("first")
            _ = try await query(server.connectionString(database: "first"), "CREATE TABLE copied AS SELECT 7 AS number")
            try await server.createDatabase(#"sec"ond '2"#, template: "first")
            let second = server.connectionString(database: #"sec"ond '2"#)
            #expect(try await query(second, "SELECT number FROM copied") == "7")
            try await server.dropDatabase("first")
            try await server.dropDatabase("first")
            let databases = "SELECT count(*) FROM pg_database WHERE datname = 'first'"
            #expect(try await query(second, databases) == "0")
        }
    }

    @Test func `a setting that the server refuses is an error with the end of the log, and leaves nothing`()
        async throws
    {
        var options = EphemeralServer.Options()
        options.settings = ["shared_buffers": "much"]
        let error = await #expect(throws: PostgresServerError.self) { try await EphemeralServer.start(options) }
        guard case .serverFailed(_, let logFile, let logTail) = error else {
            Issue.record("unexpected error \(String(describing: error))")
            return
        }
        #expect(logTail.contains("shared_buffers"))
        #expect(!FileManager.default.fileExists(atPath: logFile))
        #expect(!FileManager.default.fileExists(atPath: (logFile as NSString).deletingLastPathComponent))
    }

    @Test func `a setting's name cannot smuggle in another line`() async throws {
        var options = EphemeralServer.Options()
        options.settings = ["a = 1\nfsync": "on"]
        await #expect(throws: PostgresServerError.invalidSettingName("a = 1\nfsync")) {
            try await EphemeralServer.start(options)
        }
    }

    @Test func `removing a server leaves neither process nor folder`() async throws {
        let server = try await EphemeralServer.start()
        let processID = try #require(server.processID)
        try await server.remove()
        #expect(!isAlive(processID))
        #expect(FileStatus(path: server.dataDirectory) == nil)
        #expect(FileStatus(path: (server.dataDirectory as NSString).deletingLastPathComponent) == nil)
        await #expect(throws: PostgresServerError.self) { try await server.resume() }
        try await server.remove()
    }

    @Test func `a server that nobody refers to any more goes away`() async throws {
        var server: EphemeralServer? = try await EphemeralServer.start()
        let processID = try #require(server?.processID)
        let data = try #require(server?.dataDirectory)
        server = nil
        #expect(try await eventually { !isAlive(processID) && FileStatus(path: data) == nil })
    }

    @Test func `a temporary folder too long for a socket is not used`() async throws {
        try await withScratchFolder { folder in
            let long = folder + "/" + String(repeating: "x", count: 90)
            try FileManager.default.createDirectory(atPath: long, withIntermediateDirectories: true)
            var options = EphemeralServer.Options()
            options.temporaryDirectory = long
            try await EphemeralServer.withServer(options) { server in
                #expect(!server.socketDirectory.hasPrefix(long))
                let answer = try await query(server.connectionString(database: "postgres"), "SELECT 1")
                #expect(answer == "1")
            }
        }
    }

    @Test func `a folder with quotes and blanks in its name is fine`() async throws {
        try await withScratchFolder { folder in
            let odd = folder + #"/it's "odd" \ "#
            try FileManager.default.createDirectory(atPath: odd, withIntermediateDirectories: true)
            var options = EphemeralServer.Options()
            options.temporaryDirectory = odd
            try await EphemeralServer.withServer(options) { server in
                #expect(server.socketDirectory.hasPrefix(odd))
                let answer = try await query(server.connectionString(database: "postgres"), "SELECT 1")
                #expect(answer == "1")
            }
        }
    }
}
