import Foundation
import Glibc
import Testing

@testable import EphemeralPostgres

@Suite struct LocalServerTests {
    @Test func `a local server is created once, found running, and keeps its data over a stop`() async throws {
        try await withLocalServer { server in
            #expect(try server.status() == .absent)
            #expect(try server.url() == nil)
            #expect(try await server.stop() == false)

            let first = try await server.start()
            #expect(first.outcome == .created)
            _ = try await query(first.url, "CREATE TABLE kept AS SELECT 42 AS answer")
            #expect(try await query(first.url, "SHOW fsync") == "on")
            #expect(try await query(first.url, "SELECT current_database()") == "vmm_store")

            let second = try await server.start()
            #expect(second.outcome == .alreadyRunning)
            #expect(second.url == first.url)
            #expect(try server.url() == first.url)
            guard case .running(let processID) = try server.status() else {
                Issue.record("not running")
                return
            }

            #expect(try await server.stop())
            #expect(try server.status() == .stopped)
            // The server removes its file a moment before its process is gone.
            #expect(try await eventually { !isAlive(processID) })
            let third = try await server.start()
            #expect(third.outcome == .started)
            #expect(try await query(third.url, "SELECT answer FROM kept") == "42")
        }
    }

    @Test func `its files are private and its socket is inside the folder where that is possible`() async throws {
        try await withLocalServer { server in
            let (url, _) = try await server.start()
            let socketDirectory = "\(server.directory)/server/run"
            #expect(try await query(url, "SHOW unix_socket_directories") == #""\#(socketDirectory)""#)
            #expect(permissions(of: socketDirectory) == 0o700)
            #expect(permissions(of: "\(server.directory)/server") == 0o700)
            #expect(permissions(of: "\(server.directory)/server.json") == 0o600)
            #expect(permissions(of: "\(server.directory)/server/server.log") == 0o600)
        }
    }

    @Test func `many starts at once all succeed, and one of them creates the server`() async throws {
        try await withLocalServer { server in
            let outcomes = try await withThrowingTaskGroup(of: LocalServer.StartOutcome.self) { group in
                for _ in 0..<4 { group.addTask { try await server.start().outcome } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.filter { $0 == .created }.count == 1)
            #expect(outcomes.filter { $0 == .alreadyRunning }.count == 3)
        }
    }

    @Test func `another database is created on the running server`() async throws {
        try await withLocalServer { server in
            _ = try await server.start()
            let other = LocalServer(directory: server.directory, database: "an other/one")
            let (url, outcome) = try await other.start()
            #expect(outcome == .alreadyRunning)
            #expect(try await query(url, "SELECT current_database()") == "an other/one")
        }
    }

    @Test func `a crashed server starts again although its file names a living process`() async throws {
        try await withLocalServer { server in
            let (url, _) = try await server.start()
            _ = try await query(url, "CREATE TABLE kept AS SELECT 42 AS answer")
            guard case .running(let processID) = try server.status() else {
                Issue.record("not running")
                return
            }
            let data = try await query(url, "SHOW data_directory")
            let file = try String(contentsOfFile: "\(data)/postmaster.pid", encoding: .utf8)
            #expect(kill(processID, SIGKILL) == 0)
            #expect(try await eventually { !isAlive(processID) })
            // As after a reboot, when the identifier has come to mean some other process.
            let stale = file.replacingOccurrences(of: "\(processID)\n", with: "\(getpid())\n")
            try stale.write(toFile: "\(data)/postmaster.pid", atomically: false, encoding: .utf8)

            #expect(try server.status() == .stopped)
            let again = try await server.start()
            #expect(again.outcome == .started)
            #expect(try await query(again.url, "SELECT answer FROM kept") == "42")
        }
    }

    @Test func `where the path is too long for a socket, the socket alone is elsewhere`() async throws {
        try await withLocalServer(below: "/" + String(repeating: "x", count: 90)) { server in
            let (url, _) = try await server.start()
            #expect(try await query(url, "SHOW data_directory").hasPrefix(server.directory))
            let record = try #require(try LocalServerRecord.read(from: "\(server.directory)/server.json"))
            let sockets = try #require(record.socketDirectory)
            #expect(!sockets.hasPrefix(server.directory))

            // What tidies temporary folders may take it.
            try FileManager.default.removeItem(atPath: sockets)
            let again = try await server.start()
            #expect(again.outcome == .started)
            #expect(try await query(again.url, "SELECT 1") == "1")
        }
    }

    @Test func `data that vanished is created anew, and the caller is told`() async throws {
        try await withLocalServer { server in
            _ = try await server.start()
            try await server.stop()
            try FileManager.default.removeItem(atPath: "\(server.directory)/server")
            #expect(try server.status() == .absent)
            let again = try await server.start()
            #expect(again.outcome == .recreated)
            #expect(try await query(again.url, "SELECT 1") == "1")
        }
    }

    @Test func `a reset removes server and data, and the next start creates`() async throws {
        try await withLocalServer { server in
            let (url, _) = try await server.start()
            _ = try await query(url, "CREATE TABLE lost ()")
            guard case .running(let processID) = try server.status() else {
                Issue.record("not running")
                return
            }
            try await server.reset()
            #expect(!isAlive(processID))
            #expect(try server.status() == .absent)
            #expect(FileStatus(path: "\(server.directory)/server") == nil)
            let again = try await server.start()
            #expect(again.outcome == .created)
            #expect(try await query(again.url, "SELECT to_regclass('lost') IS NULL") == "t")
        }
    }

    @Test func `a leftover of an interrupted creation is not taken for data`() async throws {
        try await withLocalServer { server in
            _ = try await server.start()
            try await server.stop()
            let folder = "\(server.directory)/server"
            try FileManager.default.moveItem(atPath: "\(folder)/data", toPath: "\(folder)/data.new.1")
            #expect(try server.status() == .absent)
            let (url, outcome) = try await server.start()
            #expect(outcome == .recreated)
            #expect(!FileManager.default.fileExists(atPath: "\(folder)/data.new.1"))
            #expect(try await query(url, "SELECT 1") == "1")
        }
    }

    @Test(.enabled(if: geteuid() == 0))
    func `for root, in a folder closed to others, the files are in a temporary folder`() async throws {
        try await withLocalServer(mode: 0o700) { server in
            let (url, _) = try await server.start()
            let data = try await query(url, "SHOW data_directory")
            #expect(!data.hasPrefix(server.directory))
            let folder = (data as NSString).deletingLastPathComponent
            #expect(permissions(of: folder) == 0o700)
            #expect(FileStatus(path: folder)?.userID != 0)
            try await server.reset()
            #expect(FileStatus(path: folder) == nil)
        }
    }

    @Test(.enabled(if: geteuid() == 0))
    func `the folder of another user is left alone`() async throws {
        try await withLocalServer { server in
            try FileManager.default.createDirectory(atPath: server.directory, withIntermediateDirectories: false)
            #expect(chown(server.directory, 65_534, 65_534) == 0)
            let error = PostgresServerError.folderBelongsToAnotherUser(path: server.directory)
            await #expect(throws: error) { try await server.start() }
            #expect(throws: error) { try server.status() }
            #expect(chown(server.directory, 0, 0) == 0)
        }
    }
}
