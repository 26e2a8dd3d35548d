import Postgres
import VMMModel

/// The one way in which rows change whose writers may be late: a part of the row is replaced only by a newer one.
///
/// The part has a column, the guard, that holds its generation. One statement locks the row, compares the generations,
/// writes when the new one is strictly greater, and returns the row as it was under the lock. The lock matters: a plain
/// read in the same statement would see the snapshot from before a concurrent writer's commit, although the update
/// itself waits for that writer and judges by what it left.
struct GuardedUpdate<Row: PostgresRecord & IdentifiedEntity & SoftDeletable, Part: Equatable & Sendable>: Sendable {
    /// A part that is to be written, and the row that it belongs to.
    private struct Assignment {
        let id: TypedID<Row>
        let part: Part
    }

    private let statement: Statement<Assignment>
    private let part: @Sendable (Row) -> Part

    /// Describes a guarded part.
    ///
    /// - Parameters:
    ///   - table: The table; its key is the column `id`, and it has a column `time_deleted`.
    ///   - guardColumn: The one of `columns` that holds the part's generation.
    ///   - columns: The columns of the part. Each of them is written by each update.
    ///   - part: The part as a row holds it.
    init(
        table: String,
        guardColumn: String,
        columns: [BoundColumn<Part>],
        part: @escaping @Sendable (Row) -> Part
    ) {
        self.part = part
        let assignments = columns.map { "\($0.name) = $?" }.joined(separator: ", ")
        let found = IdentifiedRow<Row>.columnNames.uniqued()
        // NO KEY: the lock that the update itself takes, which does not stand in the way of foreign keys.
        let sql = """
            WITH found AS (
              SELECT \(found.joined(separator: ", ")) FROM \(table) WHERE id = $? FOR NO KEY UPDATE
            ), written AS (
              UPDATE \(table) SET \(assignments) FROM found
              WHERE \(table).id = found.id AND found.time_deleted IS NULL
                AND found.\(guardColumn) < $\(Self.parameterNumber(of: guardColumn, in: columns))
              RETURNING \(table).id
            )
            SELECT EXISTS (SELECT FROM written) AS \(FlaggedRow<Row>.flag), found.* FROM found
            """
        let key = BoundColumn<Assignment>("id") { $0.id }
        statement = Statement(sql, binding: [key] + BoundColumn<Assignment>.columns(columns) { $0.part })
    }

    /// The key is parameter 1, the columns follow.
    private static func parameterNumber(of guardColumn: String, in columns: [BoundColumn<Part>]) -> Int {
        let index = columns.firstIndex { $0.name == guardColumn }
        assert(index != nil, "the guard is not one of the part's columns")
        return (index ?? 0) + 2
    }

    /// The statement that writes a part, if it is newer.
    func query(_ id: TypedID<Row>, to part: Part) -> PostgresQuery {
        statement.query(Assignment(id: id, part: part))
    }

    /// What the statement's answer means.
    ///
    /// - Throws: ``DatastoreError``: `notFound`; `invalidRow`, with ``DatastoreError/wasApplied`` telling whether the
    ///   unreadable row was replaced. `PostgresError` when the answer has not the expected columns.
    func outcome(of rows: PostgresRows, _ id: TypedID<Row>, to part: Part) throws -> UpdateOutcome<Row> {
        guard let answer = try rows.decode(FlaggedRow<Row>.self).first else { throw DatastoreError.notFound(id) }
        let row: Row
        do throws(DatastoreError) {
            row = try answer.row.get()
        } catch {
            var located = error
            located.wasApplied = answer.wasWritten
            throw located
        }
        if answer.wasWritten { return .updated(before: row) }
        if row.timeDeleted != nil { return .deleted(now: row) }
        return self.part(row) == part ? .alreadyApplied(now: row) : .stale(now: row)
    }
}

/// A row that is not removed but marked deleted.
protocol SoftDeletable: Hashable, Sendable {
    /// When the row was marked deleted; `nil` while it counts.
    var timeDeleted: Timestamp? { get }
}

extension [String] {
    /// The texts without repetitions, in the order of their first occurrence.
    func uniqued() -> [String] {
        var seen: Set<String> = []
        return filter { seen.insert($0).inserted }
    }
}
