import Postgres
import VMMModel

/// The name by which a statement calls a joined table; its columns are returned under names that begin with it.
protocol JoinAlias {
    static var name: String { get }
}

/// The row of a joined table; `nil` where the join found none.
struct JoinedRow<Alias: JoinAlias, Record: StoredRow>: PostgresRecord {
    private let row: IdentifiedRow<Record>?

    static var columnNames: [String] { IdentifiedRow<Record>.columnNames.map { "\(Alias.name)_\($0)" } }

    /// The columns to read from the joined table.
    static var selectList: String {
        IdentifiedRow<Record>.columnNames.uniqued().map { "\(Alias.name).\($0) AS \(Alias.name)_\($0)" }
            .joined(separator: ", ")
    }

    init(from columns: inout PostgresRecordColumns) throws(PostgresError) {
        // Without an identifier there is no row, and the other columns are left unread.
        let id: TypedID<Record>? = try columns.next()
        row = id.map { id in IdentifiedRow(id, from: &columns) }
    }

    /// What the row holds.
    ///
    /// - Throws: ``DatastoreError`` of code `invalidRow`, naming the row.
    func get() throws(DatastoreError) -> Record? {
        try row?.get()
    }
}

extension PostgresRow {
    /// The row of a joined table; `nil` where the join found none.
    ///
    /// - Throws: ``DatastoreError`` of code `invalidRow`; `PostgresError` when the statement lacks its columns.
    func joined<Alias: JoinAlias, Record: StoredRow>(_: Alias.Type, _: Record.Type = Record.self) throws -> Record? {
        try decode(record: JoinedRow<Alias, Record>.self).get()
    }
}
