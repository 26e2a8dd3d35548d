import Postgres
import TestSupport
import Testing

struct StatementCacheTests {
    @Test func `a statement is prepared on its second use`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                var counts: [Int] = []
                for number in 0..<4 {
                    let read: Int = try await connection.value("SELECT \(number) + 1")
                    #expect(read == number + 1)
                    counts.append(try await connection.preparedStatementCount)
                }
                #expect(counts == [0, 1, 1, 1])
            }
        }
    }

    @Test(arguments: [(-1, [1, 1, 1]), (1, [1, 1, 1]), (3, [0, 0, 1])])
    func `with which use a statement is prepared can be set`(threshold: Int, counts: [Int]) async throws {
        try await withDatabase { database in
            try await database.connect({ $0.statementCacheThreshold = threshold }) { connection in
                var seen: [Int] = []
                for number in 0..<3 {
                    let read: Int = try await connection.value("SELECT \(number) + 1")
                    #expect(read == number + 1)
                    seen.append(try await connection.preparedStatementCount)
                }
                #expect(seen == counts)
            }
        }
    }

    @Test func `the same text with other types is another statement`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                for _ in 0..<3 {
                    let number: Int = try await connection.value("SELECT \(1)")
                    let text: String = try await connection.value("SELECT \("a")")
                    #expect(number == 1 && text == "a")
                }
                #expect(try await connection.preparedStatementCount == 2)
            }
        }
    }

    /// Pain: statements that the server keeps without bound.
    @Test func `pain 15: prepared statements stay within the bound and are deallocated`() async throws {
        try await withDatabase { database in
            try await database.connect({ $0.statementCacheSize = 4 }) { connection in
                for number in 0..<40 {
                    for _ in 0..<2 { try await connection.query("SELECT \(unsafeSQL: "\(number)")") }
                }
                let count = try await connection.preparedStatementCount
                // One that was pushed out may wait for the next chance.
                #expect((1...5).contains(count))
            }
        }
    }

    @Test func `the one unused for longest goes first`() async throws {
        try await withDatabase { database in
            try await database.connect({ $0.statementCacheSize = 2 }) { connection in
                for text in ["1", "1", "2", "2", "1", "3", "3"] {
                    try await connection.query("SELECT \(unsafeSQL: text)")
                }
                var query: PostgresQuery = "SELECT statement FROM pg_prepared_statements ORDER BY statement"
                query.isCacheable = false
                let kept: [String] = try await connection.query(query).map { try $0.decode(at: 0) }
                #expect(kept == ["SELECT 1", "SELECT 3"])
            }
        }
    }

    @Test func `a cache of no statements keeps none`() async throws {
        try await withDatabase { database in
            try await database.connect({ $0.statementCacheSize = 0 }) { connection in
                for _ in 0..<3 { try await connection.query("SELECT \(1)") }
                #expect(try await connection.preparedStatementCount == 0)
            }
        }
    }

    /// Pain: "cached plan must not change result type" until the service is restarted.
    @Test func `pain 3: a migration under a cached statement heals outside a transaction`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(script: "CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
                for _ in 0..<3 { try await connection.query("SELECT * FROM t WHERE a = \(Int32(1))") }
                try await database.connect { other in
                    _ = try await other.execute(
                        script: "ALTER TABLE t ADD b text DEFAULT 'new', ALTER a TYPE bigint"
                    )
                }
                for _ in 0..<3 {
                    let row = try await connection.query("SELECT * FROM t WHERE a = \(Int32(1))").one()
                    let (a, b) = try row.decode(Int64.self, String.self)
                    #expect(a == 1 && b == "new")
                }
            }
        }
    }

    @Test func `inside a transaction a stale plan is an error and the next transaction works`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(script: "CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
                for _ in 0..<3 { try await connection.query("SELECT * FROM t") }
                // By another session: what this one does itself, it knows.
                try await database.connect { other in
                    _ = try await other.execute(script: "ALTER TABLE t ADD b int")
                }
                let error = try await postgresError {
                    try await connection.withTransaction { try await $0.query("SELECT * FROM t") }
                }
                #expect(error?.sqlState == .featureNotSupported)
                #expect(error?.server?.routine == "RevalidateCachedQuery")
                let rows = try await connection.withTransaction { try await $0.query("SELECT * FROM t") }
                #expect(rows.columns.map(\.name) == ["a", "b"])
            }
        }
    }

    /// Pain: prepared statement "s1" does not exist.
    @Test(arguments: ["DEALLOCATE ALL", "DISCARD ALL"])
    func `statements that were deallocated behind our back are prepared anew`(statement: String) async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                for _ in 0..<3 { try await connection.query("SELECT \(1)") }
                try await connection.execute(script: statement)
                for _ in 0..<3 {
                    let read: Int = try await connection.value("SELECT \(1)")
                    #expect(read == 1)
                }
                #expect(try await connection.preparedStatementCount == 1)
            }
        }
    }

    @Test func `a deallocation that fails aborts no transaction`() async throws {
        try await withDatabase { database in
            try await database.connect({ $0.statementCacheSize = 1 }) { connection in
                for _ in 0..<2 { try await connection.query("SELECT 1") }
                try await connection.execute(script: "DEALLOCATE ALL")
                // Pushes out the first, whose name the server has forgotten.
                try await connection.withTransaction { connection in
                    for _ in 0..<3 { try await connection.query("SELECT 2") }
                }
                for _ in 0..<2 { try await connection.query("SELECT 3") }
            }
        }
    }

    /// Pain: object identifiers of types go stale when an enum is made anew.
    @Test func `pain 4: an enum that was dropped and made again works with cached statements`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                for _ in 0..<3 {
                    try await connection.execute(script: "CREATE TYPE mood AS ENUM ('happy', 'so so', 'sad')")
                    for _ in 0..<3 {
                        let mood: Mood = try await connection.value("SELECT \(Mood.sad)::mood")
                        #expect(mood == .sad)
                    }
                    try await database.connect { other in
                        _ = try await other.execute(script: "DROP TYPE mood")
                    }
                }
            }
        }
    }
}
