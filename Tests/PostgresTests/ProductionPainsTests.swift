import Foundation
import Glibc
import Logging
import TestSupport
import Testing

@testable import Postgres

/// What breaks clients in production, as the article "Production pains" lists it.
///
/// Each pain has a test named after it; most stand with the tests of their subject, here are those that have no other
/// place.
struct ProductionPainsTests {
    @Test func `the article names a test for each of the 25 pains`() throws {
        let rows = try Self.rows(ofArticle: "ProductionPains")
        let sources = try Self.testSources()
        for number in 1...25 {
            let row = try #require(rows.first { $0.hasPrefix("| \(number) |") }, "pain \(number) has no row")
            let names = row.matches(of: /`(pain [0-9]+: [^`]+)`/).map { String($0.1) }
            #expect(!names.isEmpty, "pain \(number) names no test")
            for name in names {
                #expect(name.hasPrefix("pain \(number): ") && sources.contains("func `\(name)`"), "no test \(name)")
            }
        }
    }

    @Test func `each test that the article on features names is there, and only rows that admit it name none`() throws {
        let sources = try Self.testSources()
        let rows = try Self.rows(ofArticle: "Features").filter {
            !$0.hasPrefix("| Feature |") && !$0.hasPrefix("| Trap |")
        }
        #expect(rows.count > 70)
        for row in rows {
            let cells = row.split(separator: "|", omittingEmptySubsequences: false)
            try #require(cells.count == 5, "\(row)")
            let names = cells[3].matches(of: /`([^`]+)`/).map { String($0.1) }
            #expect(!names.isEmpty || cells[2].hasPrefix(" **Less:**") || cells[2].contains("<doc:"), "\(row)")
            for name in names { #expect(sources.contains("func `\(name)`"), "no test \(name)") }
        }
    }

    private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
        .standardizedFileURL

    private static func rows(ofArticle name: String) throws -> [Substring] {
        let file = root.appending(path: "Sources/Postgres/Documentation.docc/\(name).md")
        return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").filter { $0.hasPrefix("| ") }
    }

    private static func testSources() throws -> String {
        try FileManager.default
            .contentsOfDirectory(at: root.appending(path: "Tests/PostgresTests"), includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "swift" }
            .map { try String(contentsOf: $0, encoding: .utf8) }
            .joined()
    }

    @Test func `pain 7: many timeouts at once cost no connection`() async throws {
        try await withPool {
            $0.maximumConnections = 4
        } _: { pool, _ in
            let first = try await pool.fill(4)
            try await withThrowingTaskGroup { group in
                for _ in 0..<40 {
                    group.addTask {
                        try await postgresError {
                            try await pool.query("SELECT pg_sleep(600)", timeout: .milliseconds(50))
                        }?.code
                    }
                }
                for try await code in group { #expect(code == .deadlineExceeded) }
            }
            #expect(try await pool.fill(4) == first)
        }
    }

    /// The kernel's numbers of the options (`tcp(7)`), and what they must be.
    @Test func `pain 10: a dead peer is found by keepalives and by a limit on unanswered data`() async throws {
        try await withScriptedServer([Self.welcome]) { configuration in
            let connection = try await PostgresConnection.connect(to: configuration)
            let socket = try #require(await connection.session.handle?.socket)
            #expect(option(SO_KEEPALIVE, level: SOL_SOCKET, of: socket) == 1)
            let (keepIdle, keepInterval, keepCount, userTimeout): (Int32, Int32, Int32, Int32) = (4, 5, 6, 18)
            let tcp = Int32(IPPROTO_TCP)
            #expect(option(keepIdle, level: tcp, of: socket) == 30)
            #expect(option(keepInterval, level: tcp, of: socket) == 10)
            #expect(option(keepCount, level: tcp, of: socket) == 3)
            #expect(option(userTimeout, level: tcp, of: socket) == 30_000)
            await connection.close()
        }
    }

    @Test func `pain 12: Kerberos is tried only when asked for`() throws {
        let silent = try EffectiveOptions.read(PostgresConfiguration("host=db.example").parameters)
        #expect(silent["gssencmode"] == "disable")
        let asking = try EffectiveOptions.read(PostgresConfiguration("host=db.example gssencmode=prefer").parameters)
        #expect(asking["gssencmode"] == "prefer")
    }

    private static let nonsense: [[UInt8]] = [
        Array(repeating: 0xFF, count: 16),
        Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8),
        message("Z", [], length: 3),
        message("R", Array(repeating: 0, count: 8), length: 0x7FFF_FFFF),
    ]

    @Test(arguments: nonsense)
    func `pain 24: nonsense from a server while connecting is an error`(reply: [UInt8]) async throws {
        try await withScriptedServer([reply]) { configuration in
            var configuration = configuration
            // One of the replies announces two gigabytes, for which the client waits to the end; on a busy machine the
            // first message may take seconds.
            configuration.connectTimeout = .seconds(12)
            let impatient = configuration
            let error = try await postgresError { try await PostgresConnection.connect(to: impatient) }
            #expect(error?.code == .connectionFailed)
        }
    }

    @Test(arguments: nonsense)
    func `pain 24: nonsense in an answer closes the connection`(reply: [UInt8]) async throws {
        try await withScriptedServer([Self.welcome, reply]) { configuration in
            let connection = try await PostgresConnection.connect(to: configuration)
            let error = try await postgresError { try await connection.query("SELECT 1") }
            #expect(error?.code == .connectionClosed)
            #expect(await connection.isClosed)
        }
    }

    @Test func `pain 25: a connect that fails leaves no socket behind`() async throws {
        let fields = Array("SFATAL\0C53300\0Mtoo many clients\0\0".utf8)
        // The scripted server waits for the client's end of the connection.
        try await withScriptedServer([Self.message("E", fields)]) { configuration in
            let error = try await postgresError { try await PostgresConnection.connect(to: configuration) }
            #expect(error?.message.contains("too many clients") == true)
        }
    }

    @Test func `pain 25: results are freed with the last rows of theirs`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                var rows: PostgresRows? = try await connection.query("SELECT generate_series(1, 3)")
                weak let result = rows?.result
                #expect(result != nil)
                var row = rows?.first
                rows = nil
                #expect(try row?.decode(at: 0, as: Int.self) == 1)
                row = nil
                #expect(result == nil)
            }
        }
    }

    // MARK: A server that follows a script

    private func withScriptedServer(
        _ replies: [[UInt8]],
        _ body: (PostgresConfiguration) async throws -> Void
    ) async throws {
        let listener = try Listener()
        defer { listener.close() }
        async let wasClosed = listener.serve(replies)
        let string = "hostaddr=127.0.0.1 port=\(listener.port) user=u dbname=d sslmode=disable"
        var configuration = try PostgresConfiguration(string)
        // Nothing is asked of the server beyond the handshake.
        configuration.settings = [:]
        configuration.pooler = .session
        configuration.logger.logLevel = .critical
        try await body(configuration)
        #expect(await wasClosed, "the client did not close its socket")
    }

    private static func message(_ kind: Character, _ body: [UInt8], length: UInt32? = nil) -> [UInt8] {
        let length = length ?? UInt32(body.count + 4)
        return Array(String(kind).utf8) + withUnsafeBytes(of: length.bigEndian) { Array($0) } + body
    }

    /// Authentication is fine, a key for cancelling, ready.
    private static let welcome =
        message("R", [0, 0, 0, 0]) + message("K", [0, 0, 0, 1, 0, 0, 0, 2]) + message("Z", Array("I".utf8))

    private func option(_ name: Int32, level: Int32, of socket: Int32) -> Int32? {
        var value: Int32 = -1
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(socket, level, name, &value, &length) == 0 ? value : nil
    }
}
