import Foundation
import Postgres
import VMMModel

/// A row that can be named even when the rest of it cannot be read.
struct IdentifiedRow<Record: PostgresRecord & IdentifiedEntity>: PostgresRecord {
    let id: TypedID<Record>
    private let record: Result<Record, PostgresError>

    static var columnNames: [String] { ["id"] + Record.columnNames }

    init(from columns: inout PostgresRecordColumns) throws(PostgresError) {
        self.init(try columns.next(), from: &columns)
    }

    /// The rest of a row whose identifier has been read.
    init(_ id: TypedID<Record>, from columns: inout PostgresRecordColumns) {
        self.id = id
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

    /// What the row held before it was written, or what it holds.
    ///
    /// - Throws: ``DatastoreError`` of code `invalidRow`, with ``DatastoreError/wasApplied`` telling whether the row was
    ///   written nevertheless.
    func get() throws(DatastoreError) -> Record {
        do throws(DatastoreError) {
            return try row.get()
        } catch {
            var located = error
            located.wasApplied = wasWritten
            throw located
        }
    }
}
