/// What a guarded row held at one moment.
public struct RowVersion: Hashable, Sendable, CustomStringConvertible {
    /// The guard.
    public var generation: Int64
    /// Everything that the guard protects, in any form in which equal contents are equal.
    public var contents: String
    /// Whether the row is marked deleted.
    public var isDeleted: Bool
    /// Whether the row keeps the rule "a reason if and only if failed".
    public var isConsistent: Bool

    /// A version; consistent unless said otherwise.
    public init(_ generation: Int64, _ contents: String, isDeleted: Bool = false, isConsistent: Bool = true) {
        self.generation = generation
        self.contents = contents
        self.isDeleted = isDeleted
        self.isConsistent = isConsistent
    }

    /// The first word of the contents.
    public var state: Substring { contents.prefix { $0 != " " } }

    /// `g3 running`.
    public var description: String {
        "g\(generation) \(contents)\(isDeleted ? " deleted" : "")\(isConsistent ? "" : " INCONSISTENT")"
    }
}

/// A call that somebody made to change a row, and what it answered.
public struct RowCall: Hashable, Sendable, CustomStringConvertible {
    /// What was asked for.
    public enum Request: Hashable, Sendable {
        /// To write this, if it is newer.
        case update(generation: Int64, contents: String)
        /// To write this at the generation after the row's, whatever that is, unless the row is in one of these states.
        case replace(contents: String, sparing: Set<String>)
        /// To mark the row deleted.
        case delete
    }

    /// What was answered, with the row as the answer has it.
    public enum Answer: Hashable, Sendable {
        /// The change was made by this call; the row before it.
        case made(before: RowVersion)
        /// The row holds exactly what was to be written, or is deleted already.
        case alreadyMade(now: RowVersion)
        /// The row stands against the change: it is as new, or may not be deleted.
        case refused(now: RowVersion)
        /// Nothing can be written since the row is deleted.
        case deleted(now: RowVersion)
        /// The answer was lost.
        case lost
    }

    /// Who called.
    public var caller: Int
    /// The moment before the call, of a clock that all callers share.
    public var began: Int
    /// The moment after the answer.
    public var ended: Int
    /// What was asked for.
    public var request: Request
    /// What was answered.
    public var answer: Answer

    /// A call.
    public init(caller: Int, began: Int, ended: Int, _ request: Request, _ answer: Answer) {
        self.caller = caller
        self.began = began
        self.ended = ended
        self.request = request
        self.answer = answer
    }

    /// `[4, 9] writer 2: update(…) -> made(…)`.
    public var description: String { "[\(began), \(ended)] writer \(caller): \(request) -> \(answer)" }
}

/// Everything that happened to one row.
public struct RowHistory: Hashable, Sendable, CustomStringConvertible {
    /// The row.
    public var row: String
    /// Every version that was committed, in order, from the one that was inserted; as a trigger logged them.
    public var versions: [RowVersion]
    /// Every call, in any order.
    public var calls: [RowCall]

    /// A history.
    public init(row: String, versions: [RowVersion], calls: [RowCall]) {
        self.row = row
        self.versions = versions
        self.calls = calls
    }

    /// Versions and calls, one a line.
    public var description: String {
        let lines =
            ["row \(row)"] + versions.enumerated().map { "  version \($0): \($1)" }
            + calls.sorted { $0.began < $1.began }.map { "  \($0)" }
        return lines.joined(separator: "\n")
    }
}

/// Something in a history that cannot be.
public struct HistoryViolation: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of rule is broken.
    public enum Rule: Hashable, Sendable, CaseIterable {
        /// Generations only grow; a deletion changes nothing else, and nothing follows it.
        case generationsGrow
        /// A reason if and only if failed, in every version.
        case reasonIffFailed
        /// Every version was asked for by a call.
        case everyVersionWasAskedFor
        /// Every change that was acknowledged took effect exactly once, right after the row that the answer shows.
        case exactlyOnce
        /// What an answer says follows from the row that it shows.
        case answersFollow
        /// Every answer was the truth at some moment between call and answer.
        case answersWereTrue
    }

    /// What kind of rule is broken.
    public let rule: Rule
    /// Where.
    public let description: String
}
