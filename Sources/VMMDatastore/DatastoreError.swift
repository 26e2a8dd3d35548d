public import Foundation
public import Postgres
import VMMModel

/// Why the datastore could not do what it was asked for.
///
/// What the database or the connection to it reports is not wrapped: it is thrown as `PostgresError`.
///
/// ```swift
/// do {
///     let vmm = try await datastore.fetchVMM(id)
/// } catch let error as DatastoreError where error.code == .notFound {
///     print("gone:", error)
/// }
/// ```
public struct DatastoreError: Error, Hashable, Sendable {
    /// What kind of failure it is.
    ///
    /// Open: later versions may add codes.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code's name.
        public let description: String

        init(_ description: String) {
            self.description = description
        }

        /// There is no such row, or only a deleted one where a live one was asked for.
        public static let notFound = Code("notFound")
        /// A row holds what the domain type cannot express; the message says which column and why.
        public static let invalidRow = Code("invalidRow")
        /// The server refused what was to be written: a constraint, or an error that a trigger raised.
        ///
        /// Only updates of many rows report it so, since the others are written nevertheless; elsewhere it is thrown as
        /// `PostgresError`. ``DatastoreError/cause`` has what the server said.
        public static let refused = Code("refused")
        /// A report concerns a live migration that is marked deleted; nothing of the report was written.
        public static let gone = Code("gone")
        /// A report concerns a side of a live migration that is another VMM's; nothing of the report was written.
        public static let wrongSide = Code("wrongSide")
        /// A report contradicts itself; the database was not asked.
        public static let conflict = Code("conflict")
    }

    /// What kind of failure it is.
    public var code: Code
    /// What the row is: `VMM`, `instance`.
    public var entityName: String
    /// The row's identifier.
    public var id: UUID
    /// What happened, in one sentence that names the row.
    public var message: String
    /// True when the change that was asked for has been made and only its answer cannot be given.
    ///
    /// This happens when an update replaces a state that cannot be read. Reading the row again shows what it holds now.
    public var wasApplied = false
    /// What the server said, where it refused the row.
    public var cause: PostgresError?

    static func notFound<Entity>(_ id: TypedID<Entity>) -> DatastoreError {
        DatastoreError(
            code: .notFound,
            entityName: Entity.entityName,
            id: id.uuid,
            message: "there is no \(Entity.entityName) \(id)"
        )
    }

    static func deleted<Entity>(_ id: TypedID<Entity>, at time: Timestamp) -> DatastoreError {
        DatastoreError(
            code: .notFound,
            entityName: Entity.entityName,
            id: id.uuid,
            message: "the \(Entity.entityName) \(id) was deleted at \(time)"
        )
    }

    static func invalidRow<Entity>(_ id: TypedID<Entity>, _ cause: PostgresError) -> DatastoreError {
        DatastoreError(
            code: .invalidRow,
            entityName: Entity.entityName,
            id: id.uuid,
            message: "the row of the \(Entity.entityName) \(id) cannot be read: \(cause.message)"
        )
    }

    static func refused<Entity>(_ id: TypedID<Entity>, _ cause: PostgresError) -> DatastoreError {
        var error = DatastoreError(
            code: .refused,
            entityName: Entity.entityName,
            id: id.uuid,
            message: "the database refused the update of the \(Entity.entityName) \(id): \(cause)"
        )
        error.cause = cause
        return error
    }
}

extension DatastoreError: CustomStringConvertible {
    /// The message; safe to show.
    public var description: String { message }
}
