import Postgres
import VMMModel

/// The one way in which rows change whose writers may be late: a part of the row is replaced only by a newer one.
///
/// The part has a column, the guard, that holds its generation. One statement locks the row, compares the generations,
/// writes when the new one is strictly greater, and returns the row as it was under the lock. VMMs, both sides of live
/// migrations, and instances are updated by it, one at a time or many in one statement.
struct GuardedUpdate<Row: StoredRow, Part: Guarded>: Sendable {
    /// A part that is to be written, and the row that it belongs to.
    struct Change: Sendable {
        let id: TypedID<Row>
        let part: Part
    }

    let part: any WritableKeyPath<Row, Part> & Sendable
    private let one: Statement<Change>
    private let many: Statement<Change>

    /// Describes a guarded part.
    ///
    /// - Parameters:
    ///   - part: The part as a row holds it.
    ///   - guardColumn: The one of `columns` that holds the part's generation.
    ///   - columns: The columns of the part. Each of them is written by each update.
    ///   - fixedColumns: Columns that have to hold what the part says already; otherwise nothing is written.
    init(
        _ part: any WritableKeyPath<Row, Part> & Sendable,
        guardColumn: String,
        columns: [BoundColumn<Part>],
        fixedColumns: [BoundColumn<Part>] = []
    ) {
        self.part = part
        let all = columns + fixedColumns
        let parameters = [Parameter<Change> { $0.id }] + all.map { Parameter($0.parameter) { $0.part } }
        let fixed = fixedColumns.map(\.name)
        let guardNumber = (columns.firstIndex { $0.name == guardColumn } ?? 0) + 2
        assert(columns.contains { $0.name == guardColumn }, "the guard is one of the part's columns")
        let single = LockedUpdate<Row>(
            source: LockedUpdate<Row>.rowByKey,
            assignments: columns.map { "\($0.name) = $?" }.joined(separator: ", "),
            condition: Self.condition(guardColumn, isLessThan: "$\(guardNumber)", fixed.map { ($0, "$?") })
        )
        one = Statement(single.sql, binding: parameters)
        let arrays = parameters.map { "$?::\($0.type)[]" }.joined(separator: ", ")
        let given = all.map { "new_\($0.name)" }
        let table = Row.tableName
        let batch = LockedUpdate<Row>(
            // In the order of keys, so that two of these never wait for each other.
            source: """
                unnest(\(arrays)) AS given (id, \(given.joined(separator: ", ")))
                JOIN \(table) ON \(table).id = given.id ORDER BY \(table).id
                """,
            // They travel with the found row: joined a second time, they would be matched row by row.
            addedColumns: given.map { ", given.\($0)" }.joined(),
            assignments: columns.map { "\($0.name) = found.new_\($0.name)" }.joined(separator: ", "),
            condition: Self.condition(
                guardColumn,
                isLessThan: "found.new_\(guardColumn)",
                fixed.map { ($0, "found.new_\($0)") }
            ),
            wasWritten: "found.id IN (SELECT id FROM written)"
        )
        many = Statement(batch.sql, binding: parameters)
    }

    private static func condition(
        _ guardColumn: String,
        isLessThan generation: String,
        _ fixed: [(column: String, value: String)]
    ) -> String {
        var conditions = ["found.time_deleted IS NULL", "found.\(guardColumn) < \(generation)"]
        conditions += fixed.map { "found.\($0.column) = \($0.value)" }
        return conditions.joined(separator: " AND ")
    }

    /// Writes a part, if it is newer.
    ///
    /// - Throws: ``DatastoreError``: `notFound`; `invalidRow`, with ``DatastoreError/wasApplied`` telling whether the
    ///   unreadable row was replaced. `PostgresError`.
    func run(_ id: TypedID<Row>, to part: Part, on session: some QueryRunner) async throws -> UpdateOutcome<Row> {
        let change = Change(id: id, part: part)
        let rows = try await session.run(query(change))
        guard let answer = try rows.decode(FlaggedRow<Row>.self).first else { throw DatastoreError.notFound(id) }
        let row = try answer.get()
        return answer.wasWritten ? .updated(before: row) : refusal(of: change, now: row)
    }

    /// What writes a part, if it is newer.
    func query(_ change: Change) -> PostgresQuery {
        one.query(change)
    }

    /// Writes many parts of different rows in one statement.
    ///
    /// - Returns: What was found, by row; what has no row is missing.
    func run(_ changes: [Change], on session: some QueryRunner) async throws -> [TypedID<Row>: FlaggedRow<Row>] {
        let answers = try await session.run(many.query(all: changes)).decode(FlaggedRow<Row>.self)
        return Dictionary(answers.map { ($0.row.id, $0) }) { first, _ in first }
    }

    /// Why a part was not written to the row.
    func refusal(of change: Change, now row: Row) -> UpdateOutcome<Row> {
        if row.timeDeleted != nil { return .deleted(now: row) }
        return row[keyPath: part] == change.part ? .alreadyApplied(now: row) : .stale(now: row)
    }
}

/// A part of a row that only a newer one may replace.
protocol Guarded: Hashable, Sendable {
    /// The part's version.
    var generation: Generation { get }
}
