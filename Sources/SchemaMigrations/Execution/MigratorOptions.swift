/// How a runner treats the others who use the database.
public struct MigratorOptions: Sendable {
    /// The schema of the bookkeeping tables.
    ///
    /// Default `public`.
    public var schema = "public"
    /// The role that steps run as, by `SET ROLE`; the bookkeeping stays that of the role that has logged in.
    ///
    /// The role that has logged in must be a member that inherits its privileges. Default nil: the role that has logged
    /// in.
    public var role: String?
    /// How long to wait for another runner that makes no progress.
    ///
    /// Default 60 s; one that does may take its time.
    public var lockWait: Duration = .seconds(60)
    /// How long one attempt at a table lock may queue, and others behind it.
    ///
    /// Default 50 ms.
    public var lockTimeout: Duration = .milliseconds(50)
    /// How long others may wait for the locks of one step, added up over all of them and over all tries, before the
    /// runner steps out and gives up (exit 75).
    ///
    /// Default 5 s. It also bounds how long a step stands by, without queueing, while somebody is in its way: six
    /// times this.
    public var stallBudget: Duration = .seconds(5)
    /// How long a batch of a backfill should take.
    ///
    /// Default 20 ms: a writer of a row in the batch waits until the batch commits, so this bounds what writers feel.
    public var batchTarget: Duration = .milliseconds(20)
    /// How many pages a batch covers at most.
    ///
    /// Default 512 (4 MiB).
    public var batchPages: Int64 = 512
    /// How far replicas may be behind before a backfill holds back; nil, the default, does not look.
    ///
    /// Seeing it takes the role `pg_monitor`.
    public var maximumReplicaLag: Duration?
    /// A query of one row with one boolean; as long as it is true a backfill holds back.
    ///
    /// It is asked between batches, up to five times a second, in a read-only transaction. NULL is false.
    public var throttleCondition: String?
    /// Whether migrations that are older than the newest applied one are applied too, instead of being a disagreement.
    ///
    /// Default false: they were not there when the newer ones were tested.
    public var allowsOutOfOrder = false
    /// Is asked, before anything is changed, whether these files may be run, and throws where they may not.
    ///
    /// They are those of pending steps, or `down.sql`s, by their paths as errors name them.
    package var approval: (@Sendable (_ files: [String]) async throws -> Void)?
    /// The plan that a run must fit; nil leaves it to what is pending.
    var expectedPlan: SavedPlan?
    /// How much of a long run's time may go into recording the schema's fingerprint behind migrations before the last.
    var fingerprintShare = FingerprintRecorder.usualShare
    /// Who this runner is, for others who wait.
    public var holder = RunnerName.current

    /// The defaults.
    public init() {}
}
