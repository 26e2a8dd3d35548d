import TestSupport
import Testing

@testable import EphemeralPostgres

@Suite struct TestDatabaseTests {
    private struct Failure: Error {}

    @Test func `each test has a database to itself, on the same server`() async throws {
        try await withDatabase { first in
            _ = try await query(first.connectionString, "CREATE TABLE mine ()")
            try await withDatabase { second in
                #expect(second.name != first.name)
                #expect(second.server.socketDirectory == first.server.socketDirectory)
                let isAbsent = try await query(second.connectionString, "SELECT to_regclass('mine') IS NULL")
                #expect(isAbsent == "t")
            }
            #expect(try await query(first.connectionString, "SHOW max_connections") == "500")
        }
    }

    @Test func `a database can start as a copy of another`() async throws {
        try await withDatabase { original in
            _ = try await query(original.connectionString, "CREATE TABLE copied AS SELECT 7 AS number")
            let number = try await withDatabase(template: original.name) { copy in
                try await query(copy.connectionString, "SELECT number FROM copied")
            }
            #expect(number == "7")
        }
    }

    @Test func `a database is dropped when its test fails, or is cancelled`() async throws {
        let names = Names()
        await #expect(throws: Failure.self) {
            try await withDatabase { database in
                await names.append(database.name)
                throw Failure()
            }
        }
        let cancelled = Task {
            try await withDatabase { database in
                await names.append(database.name)
                withUnsafeCurrentTask { $0?.cancel() }
                try Task.checkCancellation()
            }
        }
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        let list = await names.all.map { "'\($0)'" }.joined(separator: ", ")
        let left = try await withDatabase { database in
            try await query(database.connectionString, "SELECT count(*) FROM pg_database WHERE datname IN (\(list))")
        }
        #expect(left == "0")
    }

    private actor Names {
        private(set) var all: [String] = []

        func append(_ name: String) {
            all.append(name)
        }
    }
}
