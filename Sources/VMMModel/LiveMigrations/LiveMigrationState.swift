/// How far one side of a live migration has come.
public enum LiveMigrationState: String, Labeled {
    /// The side has not begun.
    case pending

    /// The side is transferring the guest.
    case inProgress = "in_progress"

    /// The side gave up.
    case failed

    /// The side is done.
    case completed

    /// What error messages call one of these values.
    public static let labelMeaning = "live migration state"

    /// Whether the side has failed or is done.
    public var isTerminal: Bool {
        switch self {
        case .failed, .completed: true
        case .pending, .inProgress: false
        }
    }
}
