import Foundation
import Logging
import Postgres
import TestSupport
import Testing

struct QueryInterpolationTests {
    @Test func `values become numbered parameters`() {
        let (id, name): (Int, String?) = (7, nil)
        let query: PostgresQuery =
            "SELECT \(id), \(name), \([1, 2]) FROM \(identifier: "my \"table\"") \(unsafeSQL: "LIMIT 1")"
        #expect(query.sql == "SELECT $1, $2, $3 FROM \"my \"\"table\"\"\" LIMIT 1")
    }

    @Test(arguments: ["'; DROP TABLE t; --", "\"; DROP TABLE t; --", "$1", "\\'; DROP TABLE t; --", "1) OR (1=1"])
    func `an attempt to inject stays a value, a name or a literal`(attempt: String) async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(script: "CREATE TABLE t (name text)")
                try await connection.query("INSERT INTO t VALUES (\(attempt))")
                let read: String = try await connection.value("SELECT name FROM t WHERE name = \(attempt)")
                #expect(read == attempt)
                let row = try await connection.query("SELECT 1 AS \(identifier: attempt)")
                #expect(row.columns.map(\.name) == [attempt])
                let literal: String = try await connection.value(
                    "SELECT \(unsafeSQL: PostgresQuery.quote(literal: attempt))"
                )
                #expect(literal == attempt)
            }
        }
    }

    @Test func `a NUL is refused before anything is sent`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                let errors = [
                    try await postgresError { try await connection.query("SELECT \("secret\0")") },
                    try await postgresError { try await connection.query("SELECT \(["secret\0"])") },
                    try await postgresError { try await connection.query("SELECT 1 AS \(identifier: "secret\0b")") },
                    try await postgresError { try await connection.query("SELECT 1 \(unsafeSQL: "\0 secret")") },
                    try await postgresError { try await connection.execute(script: "SELECT 1\0 secret") },
                ]
                for error in errors {
                    #expect(error?.code == .encodingFailed)
                    #expect(error?.nothingWasSent == true)
                    #expect(error?.debugDescription.contains("secret") == false)
                }
            }
        }
    }

    @Test func `more parameters than the protocol counts are refused with advice`() async throws {
        var interpolation = PostgresQuery.StringInterpolation(literalCapacity: 0, interpolationCount: 65_536)
        for _ in 0..<65_536 { interpolation.appendInterpolation(1) }
        let query = PostgresQuery(stringInterpolation: interpolation)
        try await withDatabase { database in
            try await database.connect { connection in
                let error = try await postgresError { try await connection.query(query) }
                #expect(error?.code == .encodingFailed)
                #expect(error?.message.contains("unnest") == true)
            }
        }
    }

    @Test func `bound values show nowhere`() async throws {
        let secret = "m4rker-\(UUID())"
        let recorder = LogRecorder()
        var shown: [String] = []
        let query: PostgresQuery = "INSERT INTO t VALUES (\(secret), \(1))"
        var dumped = ""
        dump(query, to: &dumped)
        shown += ["\(query)", String(reflecting: query), dumped]
        try await withDatabase { database in
            try await database.connect({ $0.logger = recorder.logger }) { connection in
                try await connection.execute(script: "CREATE TABLE t (name text PRIMARY KEY, n int CHECK (n > 0))")
                try await connection.query(query)
                let errors = [
                    try await postgresError { try await connection.query(query) },
                    try await postgresError { try await connection.query("INSERT INTO t VALUES (\(secret), \(0))") },
                    try await postgresError { try await connection.value("SELECT \(secret) AS s", as: Int.self) },
                    try await postgresError { try await connection.value("SELECT \(secret) AS s", as: UUID.self) },
                    try await postgresError { try await connection.query("SELECT \(secret) FROM missing") },
                    try await postgresError {
                        try await connection.withTransaction { connection in
                            _ = try? await connection.query(query)
                        }
                    },
                ]
                for error in errors {
                    let error = try #require(error)
                    shown += ["\(error)", error.message, error.localizedDescription]
                }
            }
        }
        for text in shown + recorder.lines { #expect(!text.contains(secret)) }
    }
}
