import EphemeralPostgres
import Foundation
import Postgres
import TestSupport
import Testing

/// TLS and SCRAM against a server with certificates that the test makes.
struct EncryptionTests {
    /// A certificate authority with one certificate for the server.
    private struct Authority {
        let folder: URL
        let name: String

        var certificate: String { path("crt") }

        init(_ name: String, in folder: URL) async throws {
            self.folder = folder
            self.name = name
            try await openssl(
                ["req", "-x509", "-days", "2", "-subj", "/CN=\(name)", "-keyout", path("key"), "-out", path("crt")]
                    + Self.newKey
            )
        }

        /// Signs a certificate for `localhost`; nothing but the days says until when.
        func sign(_ file: String, days: Int) async throws {
            let request = path("csr")
            let (key, certificate) = (folder.appending(path: "\(file).key"), folder.appending(path: "\(file).crt"))
            try await openssl(["req", "-subj", "/CN=localhost", "-keyout", key.path(), "-out", request] + Self.newKey)
            try await openssl([
                "x509", "-req", "-in", request, "-CA", path("crt"), "-CAkey", path("key"), "-CAcreateserial",
                "-days", "\(days)", "-out", certificate.path(),
            ])
        }

        private static let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]

        private func path(_ suffix: String) -> String { folder.appending(path: "\(name).\(suffix)").path() }

        private func openssl(_ arguments: [String]) async throws { try await Program.run("openssl", arguments) }
    }

    /// Gives the server a certificate and starts it anew.
    private func install(_ file: String, from folder: URL, on server: EphemeralServer) async throws {
        for (suffix, mode) in [("crt", 0o644), ("key", 0o600)] {
            let target = "\(server.dataDirectory)/server.\(suffix)"
            try? FileManager.default.removeItem(atPath: target)
            try FileManager.default.copyItem(atPath: folder.appending(path: "\(file).\(suffix)").path(), toPath: target)
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: target)
            try await server.adopt(target)
        }
        let local = try PostgresConfiguration(server.connectionString(database: "postgres"))
        try await PostgresConnection.withConnection(to: local) { connection in
            try await connection.query("ALTER SYSTEM SET ssl = on")
        }
        try await server.restart()
    }

    private func withServer<R>(_ body: (EphemeralServer, String) async throws -> R) async throws -> R {
        var options = EphemeralServer.Options()
        options.listensOnTCP = true
        return try await EphemeralServer.withServer(options) { server in
            let string = try #require(server.connectionStringOverTCP(database: "postgres"))
            return try await body(server, string)
        }
    }

    /// Whether the session is encrypted, as the server sees it.
    private func isEncrypted(_ string: String) async throws -> Bool {
        try await PostgresConnection.withConnection(to: PostgresConfiguration(string)) { connection in
            try await connection.value("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        }
    }

    private func refusal(_ string: String) async throws -> String {
        let error = try await postgresError { try await isEncrypted(string) }
        #expect(error?.code == .connectionFailed)
        #expect(error?.nothingWasSent == true)
        return try #require(error).message
    }

    @Test(.enabled("needs a server with TLS") { try await serverHasTLS() })
    func `verify-full takes the right server and refuses every other`() async throws {
        try await withFolder { folder in
            let authority = try await Authority("ours", in: folder)
            let stranger = try await Authority("stranger", in: folder)
            try await authority.sign("valid", days: 2)
            try await authority.sign("expired", days: -1)
            try await withServer { server, string in
                try await install("valid", from: folder, on: server)
                let full = "\(string) sslmode=verify-full sslrootcert=\(authority.certificate)"
                #expect(try await isEncrypted("\(full) host=localhost"))
                #expect(try await isEncrypted("\(full) host=localhost channel_binding=require"))

                let wrongName = try await refusal("\(full) host=db.example hostaddr=127.0.0.1")
                #expect(wrongName.contains("does not match host name \"db.example\""))
                let unknown = "\(string) host=localhost sslmode=verify-ca sslrootcert=\(stranger.certificate)"
                #expect(try await refusal(unknown).contains("certificate verify failed"))

                try await install("expired", from: folder, on: server)
                #expect(try await refusal("\(full) host=localhost").contains("certificate verify failed"))
            }
        }
    }

    @Test(.enabled("needs a server with TLS") { try await serverHasTLS() })
    func `a statement is cancelled on an encrypted connection`() async throws {
        try await withFolder { folder in
            try await Authority("ours", in: folder).sign("valid", days: 2)
            try await withServer { server, string in
                try await install("valid", from: folder, on: server)
                let configuration = try PostgresConfiguration("\(string) sslmode=require")
                try await PostgresConnection.withConnection(to: configuration) { connection in
                    let error = try await postgresError {
                        try await connection.query("SELECT pg_sleep(600)", timeout: .milliseconds(50))
                    }
                    #expect(error?.code == .deadlineExceeded)
                    #expect(error?.sqlState == .queryCanceled)
                    #expect(try await connection.value("SELECT 7") == 7)
                    // A request can be sent again.
                    let again = try await postgresError {
                        try await connection.query("SELECT pg_sleep(600)", timeout: .milliseconds(50))
                    }
                    #expect(again?.sqlState == .queryCanceled)
                }
            }
        }
    }

    @Test func `a server without encryption is refused where it is asked for`() async throws {
        try await withServer { _, string in
            #expect(try await isEncrypted("\(string) sslmode=prefer") == false)
            #expect(try await refusal("\(string) sslmode=require").contains("server does not support SSL"))
            let binding = try await refusal("\(string) channel_binding=require")
            #expect(binding.lowercased().contains("channel binding"))
        }
    }

    @Test func `SCRAM takes the right password only, and a missing one is told`() async throws {
        try await withServer { server, string in
            let local = try PostgresConfiguration(server.connectionString(database: "postgres"))
            let stored: String = try await PostgresConnection.withConnection(to: local) { connection in
                try await connection.value("SELECT rolpassword FROM pg_authid WHERE rolname = 'postgres'")
            }
            #expect(stored.hasPrefix("SCRAM-SHA-256$"))
            #expect(try await isEncrypted(string) == false)
            let wrong = try await refusal("\(string) password=hunter2")
            #expect(wrong.contains("password authentication failed"))
            #expect(!wrong.contains("hunter2"))
            let fetched = try PostgresConfiguration("\(string) password=hunter2")
            let password = try #require(try /password='?([0-9a-f]+)'?/.firstMatch(in: string)).1
            var options = PostgresPool.Options()
            options.beforeConnecting = { configuration throws(PostgresError) in
                try configuration.withPassword(String(password))
            }
            let pool = PostgresPool(fetched, options)
            #expect(try await pool.query("SELECT 1").count == 1)
            await pool.shutDown()
            let none = "host=127.0.0.1 port=\(server.port) user=postgres dbname=postgres passfile=/dev/null"
            #expect(try await refusal(none).contains(".pgpass"))
        }
    }

    @Test func `service files and password files are honoured`() async throws {
        try await withFolder { folder in
            try await withServer { server, string in
                let password = try #require(try /password='?([0-9a-f]+)'?/.firstMatch(in: string)).1
                let passwords = folder.appending(path: "passwords")
                // By the host's name, although its address is what is connected to.
                try "localhost:\(server.port):*:postgres:\(password)\n".write(
                    to: passwords,
                    atomically: true,
                    encoding: .utf8
                )
                try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: passwords.path())
                let named = "host=localhost port=\(server.port) user=postgres dbname=postgres"
                #expect(try await isEncrypted("\(named) passfile=\(passwords.path())") == false)
                let url = "postgresql://postgres@localhost:\(server.port)/postgres?passfile=\(passwords.path())"
                #expect(try await isEncrypted(url) == false)
                let missing = try await postgresError { try await isEncrypted("service=no-such-service") }
                #expect(missing?.code == .invalidConfiguration)
                #expect(missing?.message.contains("no-such-service") == true)
                let uneven = try await postgresError { try await isEncrypted("host=a,b port=1,2,3") }
                #expect(uneven?.code == .invalidConfiguration)
                #expect(uneven?.message.contains("could not match 3 port numbers to 2 hosts") == true)
            }
        }
    }
}
