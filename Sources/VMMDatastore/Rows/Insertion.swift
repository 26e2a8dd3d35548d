import Postgres
import VMMModel

/// What inserting a row came to.
public enum InsertOutcome<Row: Hashable & Sendable>: Hashable, Sendable {
    /// The row is new, and as given.
    case inserted(Row)

    /// There was a row with this identifier, which may differ from what was given and was left untouched.
    case existing(Row)

    /// The row that is stored.
    public var row: Row {
        switch self {
        case .inserted(let row), .existing(let row): row
        }
    }
}

/// The statement that inserts a row unless there is one with its identifier, and returns the one that is stored.
struct Insertion<Row: InsertableRow>: Sendable {
    private let statement: Statement<Row>

    init() {
        let names = Row.columns.map(\.name).joined(separator: ", ")
        let values = Row.columns.map { _ in "$?" }.joined(separator: ", ")
        let sql = """
            WITH inserted AS (
              INSERT INTO \(Row.tableName) (\(names)) VALUES (\(values)) ON CONFLICT (id) DO NOTHING RETURNING \(names)
            )
            SELECT true AS \(FlaggedRow<Row>.flag), \(names) FROM inserted
            UNION ALL
            SELECT false, \(names) FROM \(Row.tableName) WHERE id = $1
            """
        assert(Row.columns.first?.name == "id", "the first column is the key")
        statement = Statement(sql, binding: Row.columns.map(\.parameter))
    }

    func run(_ row: Row, on pool: PostgresPool) async throws -> InsertOutcome<Row> {
        while true {
            let rows = try await pool.query(statement.query(row))
            // No row at all: another session's insert was committed after this statement's snapshot was taken, so the
            // statement met the row's key and could not see the row. The next statement sees it.
            guard let answer = try rows.decode(FlaggedRow<Row>.self).first else { continue }
            let stored = try answer.row.get()
            return answer.wasWritten ? .inserted(stored) : .existing(stored)
        }
    }
}
