import EphemeralPostgres
import Postgres
import TestSupport
import Testing

struct FailoverTests {
    /// Pain: a non-blocking connect never comes to the second host.
    @Test func `pain 11: a host that never answers leaves time for the next one`() async throws {
        let hole = try Listener()
        defer { hole.close() }
        try await withTCPServer { server in
            var configuration = try PostgresConfiguration(server.string(ports: [Int(hole.port), server.port]))
            // Half of it is spent on the first; the rest is for a busy machine.
            configuration.connectTimeout = .seconds(16)
            try await PostgresConnection.withConnection(to: configuration) { connection in
                let port: Int32 = try await connection.value("SELECT inet_server_port()")
                #expect(Int(port) == server.port)
            }
        }
    }

    @Test func `connect_timeout bounds each attempt, not all of them`() async throws {
        let hole = try Listener()
        defer { hole.close() }
        try await withTCPServer { server in
            let string = server.string(ports: [Int(hole.port), server.port]) + " connect_timeout=1"
            // Half of the whole would be far more than the test may take.
            var configuration = try PostgresConfiguration(string)
            configuration.connectTimeout = .seconds(600)
            try await PostgresConnection.withConnection(to: configuration) { connection in
                let read: Int = try await connection.value("SELECT 1")
                #expect(read == 1)
            }
        }
    }

    @Test func `all hosts that failed are named with their causes, and no password`() async throws {
        let hole = try Listener()
        let closed = try Listener()
        closed.close()
        defer { hole.close() }
        let string = """
            host=localhost,no-such-host.invalid,127.0.0.1 port=\(closed.port),1,\(hole.port) user=u password=hunter2
            connect_timeout=8
            """
        // Each attempt has its own eight seconds, however late a machine with much to do comes to it.
        var configuration = try PostgresConfiguration(string)
        configuration.connectTimeout = .seconds(60)
        let error = try #require(
            try await postgresError { try await PostgresConnection.connect(to: configuration) }
        )
        #expect(error.code == .connectionFailed)
        #expect(error.message.contains("port \(closed.port) failed: Connection refused"))
        // A resolver without a network may take longer to say no than the host's share of the deadline.
        let unresolved = ["could not translate", "resolving"].map { "\($0) host name \"no-such-host.invalid\"" }
        #expect(unresolved.contains { error.message.contains($0) })
        #expect(error.message.contains("connecting to 127.0.0.1:\(hole.port) took longer than"))
        #expect(!error.debugDescription.contains("hunter2"))
    }

    @Test func `hosts can be tried in random order`() async throws {
        let closed = try Listener()
        closed.close()
        // Neither answers; the error tells them in the order in which they were tried.
        var configuration = try PostgresConfiguration("hostaddr=127.0.0.1,127.0.0.2 port=\(closed.port) user=u")
        configuration.hostOrder = .random
        var orders: Set<String> = []
        for _ in 0..<64 where orders.count < 2 {
            let error = try await postgresError { try await PostgresConnection.connect(to: configuration) }
            orders.insert(try #require(error?.message))
        }
        #expect(orders.count == 2)
        configuration.hostOrder = .asGiven
        let error = try await postgresError { try await PostgresConnection.connect(to: configuration) }
        #expect(error?.message.hasPrefix("connection to server at \"127.0.0.1\"") == true)
    }

    /// Pain: pinned to a demoted node; `SELECT 1` is answered happily by a standby.
    @Test func `a string with two hosts finds the new primary when the old one goes`() async throws {
        try await EphemeralServer.withServer { primary in
            try await EphemeralServer.withServer { standby in
                try await standby.follow(primary)
                // The standby stands first: it answers, and will not do.
                let hosts = "host=\(standby.socketDirectory),\(primary.socketDirectory) user=postgres dbname=postgres"
                let writable = try PostgresConfiguration(hosts + " target_session_attrs=read-write")
                #expect(try await isInRecovery(writable) == false)
                #expect(try await isInRecovery(PostgresConfiguration(hosts + " target_session_attrs=prefer-standby")))
                #expect(try await isInRecovery(PostgresConfiguration(hosts + " target_session_attrs=standby")))
                #expect(try await isInRecovery(PostgresConfiguration(hosts)))

                try await primary.stop(mode: .immediate)
                let refused = try await postgresError { try await PostgresConnection.connect(to: writable) }
                #expect(refused?.message.contains("session is read-only") == true)
                #expect(refused?.message.contains(primary.socketDirectory) == true)

                try await PostgresConnection.withConnection(to: PostgresConfiguration(hosts)) { connection in
                    let isPromoted: Bool = try await connection.value("SELECT pg_promote()")
                    #expect(isPromoted)
                }
                try await PostgresConnection.withConnection(to: writable) { connection in
                    try await connection.execute(script: "CREATE TABLE written (a int)")
                }
                // Nobody is a standby now.
                let preferring = try PostgresConfiguration(hosts + " target_session_attrs=prefer-standby")
                #expect(try await isInRecovery(preferring) == false)
            }
        }
    }

    private func isInRecovery(_ configuration: PostgresConfiguration) async throws -> Bool {
        try await PostgresConnection.withConnection(to: configuration) { connection in
            try await connection.value("SELECT pg_is_in_recovery()")
        }
    }

    private struct TCPServer {
        let port: Int
        let password: String

        func string(ports: [Int]) -> String {
            let addresses = ports.map { _ in "127.0.0.1" }.joined(separator: ",")
            let list = ports.map { "\($0)" }.joined(separator: ",")
            return "hostaddr=\(addresses) port=\(list) user=postgres password=\(password) dbname=postgres"
        }
    }

    private func withTCPServer<R>(_ body: (TCPServer) async throws -> R) async throws -> R {
        var options = EphemeralServer.Options()
        options.listensOnTCP = true
        return try await EphemeralServer.withServer(options) { server in
            let string = try #require(server.connectionStringOverTCP(database: "postgres"))
            let match = try #require(try /password='?([0-9a-f]+)'?/.firstMatch(in: string))
            return try await body(TCPServer(port: server.port, password: String(match.1)))
        }
    }
}
