// Bound queries, typed rows and a transaction, on the database that libpq's environment names.
import Foundation
import Postgres

let configuration = try PostgresConfiguration(ProcessInfo.processInfo.environment["DATABASE_URL"] ?? "")

// snippet.query
let names = try await PostgresConnection.withConnection(to: configuration) { connection in
    let kind = "r"
    // The value travels beside the text, as a parameter.
    let rows = try await connection.query("SELECT oid, relname FROM pg_class WHERE relkind = \(kind)::\"char\"")
    return try rows.map { row in try row.decode(UInt32.self, String.self).1 }
}
// snippet.end
print(names.count, "tables")

// snippet.transaction
let pool = PostgresPool(configuration, maximumConnections: 4)
let answer = try await pool.withTransaction(.readOnly) { connection in
    try await connection.query("SELECT 6 * 7").one().decode(at: 0, as: Int.self)
}
// snippet.end
print(answer)
await pool.shutDown()
