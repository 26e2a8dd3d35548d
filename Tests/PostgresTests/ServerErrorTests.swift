import TestSupport
import Testing

@testable import Postgres

struct ServerErrorTests {
    /// Pain: error details are hidden.
    @Test func `every field of a constraint violation is there`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(
                    script: "CREATE SCHEMA s; CREATE TABLE s.t (n int CONSTRAINT n_key UNIQUE, m int NOT NULL)"
                )
                try await connection.query("INSERT INTO s.t VALUES (1, 1)")
                let unique = try await postgresError {
                    try await connection.query("INSERT INTO s.t VALUES (\(Int32(1)), 1)")
                }
                #expect(unique?.code == .server)
                #expect(unique?.sqlState == .uniqueViolation)
                #expect(unique?.server?.severity == "ERROR")
                #expect(unique?.server?.schema == "s")
                #expect(unique?.server?.table == "t")
                #expect(unique?.server?.constraint == "n_key")
                #expect(unique?.server?.detail == "Key (n)=(1) already exists.")
                #expect(unique?.server?.routine == "_bt_check_unique")
                #expect(unique?.server?.file == "nbtinsert.c")
                #expect((unique?.server?.line ?? 0) > 0)
                #expect(unique?.description.contains("already exists") == false)
                #expect(unique?.debugDescription.contains("already exists") == true)
                #expect(unique?.description.hasSuffix("(SQLSTATE 23505)") == true)
                let null = try await postgresError { try await connection.query("INSERT INTO s.t (n) VALUES (2)") }
                #expect(null?.sqlState == .notNullViolation)
                #expect(null?.server?.column == "m")
            }
        }
    }

    @Test func `positions, hints and contexts are there`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                let position = try await postgresError { try await connection.query("SELECT 'ä', missing") }
                #expect(position?.server?.position == 13)
                let raised = try await postgresError {
                    try await connection.execute(
                        script: """
                            DO $$ BEGIN
                                RAISE 'no' USING ERRCODE = 'VM001', DETAIL = 'd', HINT = 'h', DATATYPE = 'x', COLUMN = 'c';
                            END $$
                            """
                    )
                }
                #expect(raised?.sqlState == SQLState(rawValue: "VM001"))
                #expect(raised?.server?.message == "no")
                #expect(raised?.server?.hint == "h")
                #expect(raised?.server?.dataType == "x")
                #expect(raised?.server?.context?.contains("PL/pgSQL function inline_code_block") == true)
                let inner = try await postgresError {
                    try await connection.execute(script: "DO $$ BEGIN EXECUTE 'SELECT missing'; END $$")
                }
                #expect(inner?.server?.internalQuery == "SELECT missing")
                #expect(inner?.server?.internalPosition == 8)
                #expect(inner?.server?.position == nil)
            }
        }
    }

    @Test func `a class matches each of its codes and no other`() {
        func kind(_ state: SQLState) -> String {
            switch state {
            case .uniqueViolation: "unique"
            case .integrityConstraintViolation: "integrity"
            case .transactionRollback: "rollback"
            default: "other"
            }
        }
        #expect(kind(.uniqueViolation) == "unique")
        #expect(kind(.checkViolation) == "integrity")
        #expect(kind(.integrityConstraintViolation) == "integrity")
        #expect(kind(.deadlockDetected) == "rollback")
        #expect(kind(.syntaxError) == "other")
        #expect(!SQLState.syntaxError.hasSameClass(as: .queryCanceled))
    }

    @Test func `serialization failures and deadlocks can be retried, others not`() {
        func error(_ state: SQLState) -> PostgresError {
            PostgresError(.server, "", server: ServerError(severity: "ERROR", sqlState: state, message: "m"))
        }
        #expect(error(.serializationFailure).isRetryable)
        #expect(error(.deadlockDetected).isRetryable)
        #expect(!error(.uniqueViolation).isRetryable)
        #expect(!error(.serializationFailure).mayHaveCommitted)
        #expect(PostgresError(.connectionClosed, "").mayHaveCommitted)
        #expect(!PostgresError(.connectionClosed, "", nothingWasSent: true).mayHaveCommitted)
    }

    @Test func `a wrong type, NULL, or column names what did not fit`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                let rows = try await connection.query(
                    "SELECT n AS number, NULL::text AS name FROM generate_series(1, 2) n"
                )
                let row = rows[1]
                let type = #expect(throws: PostgresError.self) { try row.decode("number", as: String.self) }
                #expect(type?.message == "column \"number\" has type integer, which cannot be read as String")
                let null = #expect(throws: PostgresError.self) { try row.decode("name", as: String.self) }
                #expect(null?.message == "column \"name\", row 2: the value is NULL, which String cannot hold")
                let missing = #expect(throws: PostgresError.self) { try row.decode("nam", as: String.self) }
                #expect(missing?.message == "the result has no column \"nam\"; it has: number, name")
                #expect(throws: PostgresError.self) { try row.decode(at: 2, as: Int.self) }
                #expect(throws: PostgresError.self) { try row.decode(at: -1, as: Int.self) }
                #expect(throws: PostgresError.self) { try row.decode(Int.self) }
                #expect(throws: PostgresError.self) { try rows.one() }
                let twice = try await connection.query("SELECT 1 AS a, 2 AS a").one()
                #expect(throws: PostgresError.self) { try twice.decode("a", as: Int.self) }
                let none = try await connection.query("SELECT 1 WHERE false")
                #expect(throws: PostgresError.self) { try none.one() }
                let nobody = try none.zeroOrOne()
                #expect(nobody.map { _ in true } == nil)
            }
        }
    }
}
