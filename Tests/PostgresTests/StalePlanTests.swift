import Postgres
import TestSupport
import Testing

/// What our own commands do to statements that are already prepared.
struct StalePlanTests {
    @Test(arguments: ["SET search_path TO other", "SET LOCAL search_path TO other"])
    func `a changed search path reaches prepared statements inside a transaction`(change: String) async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(
                    script: """
                        CREATE TABLE t (a int); INSERT INTO t VALUES (1);
                        CREATE SCHEMA other; CREATE TABLE other.t (b text); INSERT INTO other.t VALUES ('other');
                        """
                )
                for _ in 0..<3 { try await connection.query("SELECT * FROM t") }
                // The result's type differs: a statement kept from before would abort the transaction.
                let text: String = try await connection.withTransaction { connection in
                    try await connection.query(PostgresQuery(unsafeSQL: change))
                    return try await connection.value("SELECT * FROM t")
                }
                #expect(text == "other")
            }
        }
    }

    @Test func `a table altered in the same transaction is read with its new shape`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(script: "CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
                for _ in 0..<3 { try await connection.query("SELECT * FROM t") }
                try await connection.withTransaction { connection in
                    try await connection.query("ALTER TABLE t ADD b int DEFAULT 2")
                    for _ in 0..<3 {
                        let (a, b) = try await connection.query("SELECT * FROM t").one().decode(Int32.self, Int32.self)
                        #expect(a == 1 && b == 2)
                    }
                }
            }
        }
    }

    @Test(arguments: Way.allCases)
    fileprivate func `a change that comes by another way than a query is noticed too`(way: Way) async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(script: "CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
                for _ in 0..<3 { try await connection.query("SELECT * FROM t") }
                try await connection.withTransaction { connection in
                    try await way.run("ALTER TABLE t ADD b int DEFAULT 2", on: connection)
                    let row = try await connection.query("SELECT * FROM t").one()
                    let (a, b) = try row.decode(Int32.self, Int32.self)
                    #expect(a == 1 && b == 2)
                }
            }
        }
    }

    @Test func `a table whose change was rolled back is read with its old shape`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(script: "CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
                struct Change: Error {}
                await #expect(throws: Change.self) {
                    try await connection.withTransaction { connection in
                        try await connection.query("ALTER TABLE t ADD b int DEFAULT 2")
                        for _ in 0..<3 { try await connection.query("SELECT * FROM t") }
                        throw Change()
                    }
                }
                try await connection.withTransaction { connection in
                    let columns = try await connection.query("SELECT * FROM t").columns
                    #expect(columns.count == 1)
                }
            }
        }
    }

    @Test(arguments: ["DEALLOCATE ALL", "DISCARD ALL"])
    func `deallocating everything is noticed before a transaction could fail by it`(command: String) async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                for _ in 0..<3 { try await connection.query("SELECT \(1)") }
                try await connection.query(PostgresQuery(unsafeSQL: command))
                try await connection.withTransaction { connection in
                    for _ in 0..<3 {
                        let read: Int = try await connection.value("SELECT \(1)")
                        #expect(read == 1)
                    }
                }
            }
        }
    }

    /// Pain: a generic plan after five executions makes one query a hundred times slower.
    @Test func `pain 16: a plan for each call's values can be had for a query and for a session`() async throws {
        try await withDatabase { database in
            let count: PostgresQuery = "SELECT coalesce(sum(generic_plans), 0)::bigint FROM pg_prepared_statements"
            let statement = { (number: Int, isCacheable: Bool) in
                var query: PostgresQuery = "SELECT count(*) FROM pg_class WHERE relpages > \(number)"
                query.isCacheable = isCacheable
                return query
            }
            try await database.connect { connection in
                for number in 0..<10 { try await connection.query(statement(number, false)) }
                #expect(try await connection.value(count) == 0)
                for number in 0..<10 { try await connection.query(statement(number, true)) }
                let generic: Int = try await connection.value(count)
                #expect(generic > 0)
            }
            try await database.connect({ $0.settings["plan_cache_mode"] = "force_custom_plan" }) { connection in
                for number in 0..<10 { try await connection.query(statement(number, true)) }
                #expect(try await connection.value(count) == 0)
            }
        }
    }
}

/// A way in which a statement reaches the server.
private enum Way: CaseIterable {
    case rows, copyIn, copyOut

    func run(_ statement: PostgresQuery, on connection: PostgresConnection) async throws {
        switch self {
        case .rows:
            try await connection.withRows(statement) { rows in
                for try await _ in rows { Issue.record("there are no rows") }
            }
        case .copyIn:
            let error = try await postgresError { try await connection.copyIn(statement) { _ in } }
            #expect(error?.code == .unexpectedResult)
        case .copyOut:
            let error = try await postgresError { try await connection.copyOut(statement) { _ in } }
            #expect(error?.code == .unexpectedResult)
        }
    }
}
