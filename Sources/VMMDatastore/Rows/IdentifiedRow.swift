import Foundation
import Postgres
import VMMModel

/// A row that can be named even when the rest of it cannot be read.
struct IdentifiedRow<Record: PostgresRecord & IdentifiedEntity>: PostgresRecord {
    let id: TypedID<Record>
    private let record: Result<Record, PostgresError>

    static var columnNames: [String] { ["id"] + Record.columnNames }

    init(from columns: inout PostgresRecordColumns) throws(PostgresError) {
        id = try columns.next()
        do throws(PostgresError) {
            record = .success(try Record(from: &columns))
        } catch {
            record = .failure(error)
        }
    }

    /// What the row holds.
    ///
    /// - Throws: ``DatastoreError`` of code `invalidRow`, naming the row.
    func get() throws(DatastoreError) -> Record {
        do throws(PostgresError) {
            return try record.get()
        } catch {
            throw .invalidRow(id, error)
        }
    }
}

/// A row, and whether the statement that returned it wrote it.
struct FlaggedRow<Record: PostgresRecord & IdentifiedEntity>: PostgresRecord {
    /// The name of the column that tells whether the statement made its change.
    static var flag: String { "was_written" }
    static var columnNames: [String] { [flag] + IdentifiedRow<Record>.columnNames }

    let wasWritten: Bool
    let row: IdentifiedRow<Record>

    init(from columns: inout PostgresRecordColumns) throws(PostgresError) {
        // The flag first: a row that cannot be read leaves its other columns unread.
        wasWritten = try columns.next()
        row = try IdentifiedRow(from: &columns)
    }
}
