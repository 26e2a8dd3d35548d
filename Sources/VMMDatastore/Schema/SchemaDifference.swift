/// Something in which a database's schema is not what the datastore expects.
public struct SchemaDifference: Hashable, Sendable, CustomStringConvertible {
    /// What is different: `column vmm.state`, `type vmm_state`.
    public let object: String
    /// What the datastore expects there; `nil` where it expects nothing.
    public let expected: String?
    /// What the database has; `nil` where it has nothing.
    public let found: String?
    /// Whether the datastore cannot work with it.
    ///
    /// It can work with what a later release adds: another column that statements need not fill, or another label, as
    /// long as no row has it.
    public let preventsService: Bool

    /// A sentence for logs.
    public var description: String {
        switch (expected, found) {
        case (let expected?, let found?): "\(object) is \(found), where \(expected) is expected"
        case (let expected?, nil): "\(object) is missing; expected is \(expected)"
        case (nil, let found): "\(object) is not expected: \(found ?? "")"
        }
    }
}

/// A database's schema with which the datastore cannot work.
public struct SchemaMismatch: Error, Hashable, Sendable, CustomStringConvertible {
    /// Everything that is different, also what is harmless.
    public let differences: [SchemaDifference]

    /// All that the datastore cannot work with, and what to do.
    public var description: String {
        let harmful = differences.filter(\.preventsService).map { "  \($0)" }.joined(separator: "\n")
        return "the database's schema is not the one that this release needs; apply the migrations first:\n\(harmful)"
    }
}
