import Postgres
import VMMModel

/// A row that is not removed but marked deleted.
protocol SoftDeletable {
    var timeDeleted: Timestamp? { get }
}

/// A row of a table of ours: its key is the column `id`, and its column `time_deleted` marks it deleted.
protocol StoredRow: PostgresRecord, IdentifiedEntity, SoftDeletable, Hashable {
    /// The table's name.
    static var tableName: String { get }
}

extension StoredRow {
    /// The columns to read, each once, `id` among them; behind the name or alias of a table when there is one.
    static func selectList(_ table: String? = nil) -> String {
        IdentifiedRow<Self>.columnNames.uniqued().map { name in table.map { "\($0).\(name)" } ?? name }
            .joined(separator: ", ")
    }
}

/// A row that statements insert, column by column.
protocol InsertableRow: StoredRow {
    /// All columns, in the order in which they are read.
    static var columns: [BoundColumn<Self>] { get }
}

extension [String] {
    /// The texts without repetitions, in the order of their first occurrence.
    func uniqued() -> [String] {
        var seen: Set<String> = []
        return filter { seen.insert($0).inserted }
    }
}
