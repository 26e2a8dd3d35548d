/// What stands in the way of a run, or will: what ``Migrator/diagnose(longAfter:)`` found.
public struct Diagnosis: Sendable, Equatable {
    /// How bad it is.
    public enum Severity: String, Sendable, Hashable, Codable, CaseIterable {
        /// All is well.
        case ok
        /// Worth knowing.
        case note
        /// A run works, but slower, later, or at somebody's cost.
        case warning
        /// A run would fail.
        case problem
        /// It could not be found out.
        case unknown
    }

    /// What is looked at.
    public enum Check: String, Sendable, Hashable, Codable, CaseIterable {
        /// To which database, as whom.
        case connection
        /// Whether the server's release is one that the engine works with.
        case serverVersion = "server_version"
        /// Whether the server and the role's settings let a run write.
        case writable
        /// Whether a pooler stands between.
        case pooler
        /// How many sessions are free.
        case connections
        /// Whether files and history agree, and what is unfinished.
        case migrations
        /// Whether somebody else runs, or has paused runs.
        case runner
        /// Whether the role may do what the bookkeeping and the pending steps need.
        case privileges
        /// Which services could not live with a pending migration.
        case services
        /// Who holds locks that pending steps need.
        case locks
        /// Transactions that have been open for long.
        case transactions
        /// Transactions that were prepared and not ended.
        case preparedTransactions = "prepared_transactions"
        /// Indexes that a failed build left behind.
        case invalidIndexes = "invalid_indexes"
        /// Constraints that old rows were never tested against.
        case unvalidatedConstraints = "unvalidated_constraints"
        /// Standbys: how far behind, and whether commits wait for them.
        case replicas
        /// Replication slots, and the log that they keep.
        case replicationSlots = "replication_slots"
        /// What the pending steps may need of the disk.
        case disk
        /// How near the transaction counter is to its end.
        case wraparound
    }

    /// Something that was found, good or bad.
    public struct Finding: Sendable, Hashable {
        /// What was looked at.
        public let check: Check
        /// How bad it is.
        public let severity: Severity
        /// What was found, in one sentence.
        public let message: String
        /// What to do about it; nil where nothing is to be done.
        public let hint: String?
        /// What the command answers because of it, if it is a problem.
        var exitCode: MigrationExitCode = .needsHuman

        init(_ check: Check, _ severity: Severity, _ message: String, hint: String? = nil) {
            self.check = check
            self.severity = severity
            self.message = message
            self.hint = hint
        }
    }

    /// What was found, in the order of ``Check``; every check has at least one.
    public let findings: [Finding]

    /// 6 where a person has to do something before a run can succeed, 7 or 9 where files and history disagree.
    public var exitCode: MigrationExitCode { findings.first { $0.severity == .problem }?.exitCode ?? .done }
}
