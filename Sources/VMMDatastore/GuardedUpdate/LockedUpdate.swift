import Postgres
import VMMModel

/// The shape of every statement that changes a row by what it holds: lock, look, write, and return what was seen.
///
/// The lock matters: a plain read in the same statement would see the snapshot from before a concurrent writer's commit,
/// although the update itself waits for that writer and judges by what it left.
struct LockedUpdate<Row: StoredRow>: Sendable {
    /// Which rows are locked: what follows `FROM` in the query that finds them.
    var source: String
    /// Columns that the source adds to those of the row.
    var addedColumns = ""
    /// What follows `SET`; the row as it is under the lock is `found`.
    var assignments: String
    /// When the row is written, in terms of `found`.
    var condition: String
    /// Whether `found` was written, in terms of it and of `written`, the identifiers of what was.
    var wasWritten = "EXISTS (SELECT FROM written)"

    /// The row whose identifier is the statement's first parameter.
    static var rowByKey: String { "\(Row.tableName) WHERE id = $?" }

    var sql: String {
        let table = Row.tableName
        // NO KEY: the lock that the update itself takes, which does not stand in the way of foreign keys.
        return """
            WITH found AS (
              SELECT \(Row.selectList(table))\(addedColumns) FROM \(source) FOR NO KEY UPDATE OF \(table)
            ), written AS (
              UPDATE \(table) SET \(assignments) FROM found
              WHERE \(table).id = found.id AND \(condition)
              RETURNING \(table).id
            )
            SELECT \(wasWritten) AS \(FlaggedRow<Row>.flag), \(Row.selectList("found")) FROM found
            """
    }
}

/// A change of one row, by a condition that the row has to meet.
struct RowChange<Row: StoredRow, Input>: Sendable {
    private let statement: Statement<(id: TypedID<Row>, input: Input)>

    /// - Parameters:
    ///   - assignments: What follows `SET`; the first parameter, `$1`, is the row's identifier.
    ///   - condition: When the row is written, in terms of `found`.
    ///   - parameters: One for each `$?` of the two, in order.
    init(set assignments: String, when condition: String, binding parameters: [Parameter<Input>]) {
        let update = LockedUpdate<Row>(
            source: LockedUpdate<Row>.rowByKey,
            assignments: assignments,
            condition: condition
        )
        statement = Statement(
            update.sql,
            binding: [Parameter { $0.id }] + parameters.map { parameter in Parameter(parameter) { $0.input } }
        )
    }

    /// Runs the statement.
    ///
    /// - Returns: Whether the row was written, and what it held before.
    /// - Throws: ``DatastoreError``: `notFound`; `invalidRow`, with ``DatastoreError/wasApplied``. `PostgresError`.
    func run(
        _ id: TypedID<Row>,
        _ input: Input,
        on session: some QueryRunner
    ) async throws -> (wasWritten: Bool, row: Row) {
        let rows = try await session.run(statement.query((id, input)))
        guard let answer = try rows.decode(FlaggedRow<Row>.self).first else { throw DatastoreError.notFound(id) }
        return (answer.wasWritten, try answer.get())
    }
}

/// Something that runs statements: any connection of a pool, or the one of a transaction.
protocol QueryRunner: Sendable {
    func run(_ query: PostgresQuery) async throws(PostgresError) -> PostgresRows
}

extension PostgresPool: QueryRunner {
    func run(_ query: PostgresQuery) async throws(PostgresError) -> PostgresRows {
        try await self.query(query)
    }
}

extension PostgresConnection: QueryRunner {
    func run(_ query: PostgresQuery) async throws(PostgresError) -> PostgresRows {
        try await self.query(query)
    }
}
