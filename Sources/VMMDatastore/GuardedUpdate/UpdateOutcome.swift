/// What a guarded update came to.
///
/// Each case tells the truth about the row at the moment of the update: it was read under the row's lock, in the same
/// statement.
public enum UpdateOutcome<Row: Hashable & Sendable>: Hashable, Sendable {
    /// The row was updated; this is what it held before.
    case updated(before: Row)

    /// The row holds exactly what was to be written, generation and time included: an earlier call has written it.
    ///
    /// This is what a retry gets whose first answer was lost.
    case alreadyApplied(now: Row)

    /// The row holds a newer generation, or the same one with other contents; nothing was written.
    case stale(now: Row)

    /// The row is marked deleted; nothing was written.
    case deleted(now: Row)

    /// The row that the outcome tells of: before the update where there was one, otherwise as it is.
    public var row: Row {
        switch self {
        case .updated(let row), .alreadyApplied(let row), .stale(let row), .deleted(let row): row
        }
    }

    /// Whether what was to be written has been written, by this call or an earlier one.
    public var isApplied: Bool {
        switch self {
        case .updated, .alreadyApplied: true
        case .stale, .deleted: false
        }
    }
}
