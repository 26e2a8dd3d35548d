import Postgres
import TestSupport
import Testing

struct SharedConnectionTests {
    @Test func `fifty tasks share one connection and each gets its own answer`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for task in 0..<50 {
                        group.addTask {
                            for round in 0..<20 {
                                let sent = task * 1000 + round
                                let read: Int = try await connection.value("SELECT \(sent)")
                                #expect(read == sent)
                            }
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test func `two queries at once take turns and both come to their end`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                async let first: Int = connection.value("SELECT 1 FROM pg_sleep(0.05)")
                async let second = postgresError { try await connection.query("SELECT 1 / 0") }
                async let third: Int = connection.value("SELECT 3")
                let (one, error, three) = try await (first, second, third)
                #expect(one == 1 && three == 3)
                #expect(error?.sqlState == SQLState(rawValue: "22012"))
            }
        }
    }

    @Test func `closing under a query ends it, and those that wait`() async throws {
        try await withDatabase { database in
            try await database.connect { observer in
                let connection = try await PostgresConnection.connect(to: database.configuration)
                let processID = await connection.backendProcessID
                let running = Task { try await connection.query("SELECT pg_sleep(60)") }
                #expect(try await eventually { try await observer.isSleeping(processID) })
                let waiting = Task { try await connection.query("SELECT 1") }
                await connection.close()
                #expect(try await postgresError { try await running.value }?.code == .connectionClosed)
                #expect(try await postgresError { try await waiting.value }?.code == .connectionClosed)
            }
        }
    }

    @Test func `rows outlive their connection`() async throws {
        try await withDatabase { database in
            let rows = try await database.connect {
                try await $0.query("SELECT n, n::text AS text FROM generate_series(1, 3) n")
            }
            let read = try rows.decode(Numbered.self)
            #expect(read.map(\.text) == ["1", "2", "3"])
            #expect(read.map(\.number) == [1, 2, 3])
        }
    }

    private struct Numbered: PostgresRecord {
        static let columnNames = ["text", "n"]
        let text: String
        let number: Int

        init(from columns: inout PostgresRecordColumns) throws(PostgresError) {
            text = try columns.next()
            number = try columns.next()
        }
    }
}
