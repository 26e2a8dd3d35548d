/// Why a VMM failed.
///
/// Each reason has a ``Labeled/label`` for the database, metrics and JSON, and a ``description`` for operators.
public enum VMMFailureReason: String, Labeled {
    /// The VMM failed before reasons were recorded.
    ///
    /// Nothing that fails now gets this reason: it only completes rows that are older than the column.
    case prehistoric

    /// The sled-agent reported the VMM as failed and did not say why.
    case fromSledAgent = "from_sled_agent"

    /// The sled-agent answered that it does not know the VMM, most likely because it or its sled restarted.
    case noSuchInstance = "no_such_instance"

    /// The VMM's sled was expunged.
    case sledExpunged = "sled_expunged"

    /// The VMM's sled is powered off.
    case sledOff = "sled_off"

    /// What error messages call one of these values.
    public static let labelMeaning = "VMM failure reason"

    /// A sentence that tells an operator what happened.
    public var description: String {
        switch self {
        case .prehistoric: "The VMM failed before failure reasons were recorded."
        case .fromSledAgent: "The sled-agent reported that the VMM failed."
        case .noSuchInstance: "The VMM was no longer known to the sled-agent of its sled."
        case .sledExpunged: "The sled on which the VMM ran was expunged."
        case .sledOff: "The sled on which the VMM ran was found powered off."
        }
    }
}
