import Postgres
import TestSupport
import Testing

struct ScriptTests {
    @Test func `a script runs all its statements and tells a tag for each`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                let tags = try await connection.execute(
                    script:
                        "CREATE TABLE t (n int); INSERT INTO t VALUES (1), (2);; SELECT * FROM t; UPDATE t SET n = 0"
                )
                #expect(tags.map(\.description) == ["CREATE TABLE", "INSERT 0 2", "SELECT 2", "UPDATE 2"])
                #expect(tags.map(\.rowCount) == [nil, 2, 2, 2])
                #expect(tags.map(\.command) == ["CREATE TABLE", "INSERT", "SELECT", "UPDATE"])
                #expect(try await connection.execute(script: " -- nothing").isEmpty)
                let rows = try await connection.query("")
                #expect(rows.isEmpty && rows.columns.isEmpty)
            }
        }
    }

    @Test func `the first error ends a script, with its place in the whole text`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                let script = "CREATE TABLE t (n int);\nINSERT INTO missing VALUES (1); SELECT 1 / 0"
                let error = try await postgresError { try await connection.execute(script: script) }
                #expect(error?.sqlState == .undefinedTable)
                #expect(error?.server?.position == 37)
                let isThere: Bool = try await connection.value("SELECT to_regclass('t') IS NOT NULL")
                #expect(!isThere)
            }
        }
    }

    /// Pain: COPY errors and drain loops.
    @Test func `COPY FROM STDIN is refused and the connection stays`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(script: "CREATE TABLE t (n int)")
                let script = try await postgresError {
                    try await connection.execute(script: "INSERT INTO t VALUES (1); COPY t FROM STDIN; SELECT 1")
                }
                #expect(script?.code == .server)
                #expect(script?.description.contains("COPY FROM STDIN needs a program that sends the data") == true)
                for _ in 0..<3 {
                    let query = try await postgresError { try await connection.query("COPY t FROM STDIN") }
                    #expect(query?.code == .server)
                }
                let count: Int = try await connection.value("SELECT count(*) FROM t")
                #expect(count == 0)
            }
        }
    }

    @Test func `COPY TO STDOUT is refused without reading it`() async throws {
        try await withDatabase { database in
            for isScript in [true, false] {
                let error = try await postgresError {
                    try await PostgresConnection.withConnection(to: database.configuration) { connection in
                        let copy = "COPY (SELECT * FROM generate_series(1, 100000000)) TO STDOUT"
                        if isScript { return try await connection.execute(script: copy).count }
                        return try await connection.query(PostgresQuery(unsafeSQL: copy)).count
                    }
                }
                #expect(error?.code == .unexpectedResult)
                #expect(error?.message.contains("COPY TO STDOUT") == true)
            }
        }
    }

    @Test func `a large script and a large result pass both ways at once`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                // Each statement answers more than it takes: who only writes would wait for ever.
                let script = String(repeating: "SELECT repeat('x', 2000);", count: 20_000)
                #expect(try await connection.execute(script: script).count == 20_000)
                let text = String(repeating: "y", count: 20_000_000)
                let length: Int = try await connection.value("SELECT length(\(text))")
                #expect(length == 20_000_000)
                let rows = try await connection.query("SELECT n, repeat('z', 100) FROM generate_series(1, 100000) n")
                let sum = try rows.reduce(0) { try $0 + $1.decode(at: 0, as: Int.self) }
                #expect(sum == 5_000_050_000)
            }
        }
    }
}
