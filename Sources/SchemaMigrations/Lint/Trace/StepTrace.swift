/// What a step really did when it was tried: the locks it took, and the tables it wrote anew.
public struct StepTrace: Sendable, Equatable {
    /// A lock on a table that was there before the migration.
    public struct Lock: Sendable, Hashable {
        /// The table with its schema.
        public let table: QualifiedName
        /// The strongest mode that the statement took beyond what earlier ones held.
        public let mode: LockMode
        /// Whether the statement's text had told it, see ``StatementSummary/locks``.
        public let isForeseen: Bool
    }

    /// A statement, with the locks that came with it.
    public struct Statement: Sendable, Hashable {
        /// Where it begins.
        public let location: SourceLocation
        /// The kind in words, as in ``StatementSummary/kind``.
        public let kind: String
        /// Its locks; nil where it ran outside a transaction, so that they were gone before anybody could look.
        public let locks: [Lock]?
    }

    /// The step.
    public let step: StepIdentity
    /// Its file.
    public let file: String
    /// Its statements, in order.
    public let statements: [Statement]
    /// The tables and indexes from before the migration that have another file now, in alphabetical order.
    public let rewritten: [QualifiedName]
}
