/// Something that a turn measures.
enum Measure: Hashable, Sendable {
    /// What the work took, in a unit of the benchmark's choice.
    case time
    /// What the slowest hundredth of the calls took.
    case p99
    /// What the client's processor did for one call.
    case cpu
    /// Work done in a second.
    case rate
    /// The most memory that was used.
    case memory
    /// The longest that somebody else had to wait.
    case stall
    /// Statements of others that were refused.
    case errors
    /// The least that a task did, as a part of the mean.
    case fairness
}

/// What one turn of one side measured.
typealias Turn = [Measure: Double]

/// One side of a comparison.
struct Side {
    let name: String
    let takeTurn: () async throws -> Turn

    init(_ name: String, _ takeTurn: @escaping () async throws -> Turn) {
        self.name = name
        self.takeTurn = takeTurn
    }
}

/// Turns of several sides, taken alternately: what disturbs the machine disturbs all sides alike.
struct Rounds {
    private let names: [String]
    private var turns: [[Turn]]
    /// Which turn of ours is compared with which of another's.
    private let pairs: [(ours: Int, theirs: Int)]

    /// Lets each side take a turn that does not count, then `count` turns; every other round in reverse order.
    ///
    /// The first side is ours.
    static func alternate(_ count: Int, warmUp: Bool = true, _ sides: [Side]) async throws -> Rounds {
        let pairs = (0..<count).map { (ours: $0, theirs: $0) }
        var rounds = Rounds(names: sides.map(\.name), turns: sides.map { _ in [] }, pairs: pairs)
        if warmUp { for side in sides { _ = try await side.takeTurn() } }
        for round in 0..<count {
            let order = round.isMultiple(of: 2) ? Array(sides.indices) : sides.indices.reversed()
            for side in order { rounds.turns[side].append(try await sides[side].takeTurn()) }
        }
        return rounds
    }

    /// Lets two sides take so many turns each, always ours before theirs, and compares each turn with the one before it.
    ///
    /// Where a turn takes a minute: four turns of each are seven comparisons of neighbours in time.
    static func neighbours(_ count: Int, _ ours: Side, _ theirs: Side) async throws -> Rounds {
        let pairs = (0..<2 * count - 1).map { (ours: ($0 + 1) / 2, theirs: $0 / 2) }
        var rounds = Rounds(names: [ours.name, theirs.name], turns: [[], []], pairs: pairs)
        for _ in 0..<count {
            rounds.turns[0].append(try await ours.takeTurn())
            rounds.turns[1].append(try await theirs.takeTurn())
        }
        return rounds
    }

    /// The median of the rounds' ratios of our side to another, with the medians of both.
    func figure(
        _ name: String,
        _ measure: Measure,
        _ unit: String,
        against side: Int = 1,
        bar: Figure.Bar? = nil
    ) -> Figure {
        // What a turn did not measure makes the figure no number.
        let ours = turns[0].map { $0[measure] ?? .nan }
        let theirs = turns[side].map { $0[measure] ?? .nan }
        let ratios = pairs.map { ours[$0.ours] / theirs[$0.theirs] }
        return Figure(
            name: name,
            ratio: ratios.median,
            against: names[side],
            ours: ours.median,
            theirs: theirs.median,
            unit: unit,
            bar: bar,
            rounds: ratios
        )
    }

    /// One side's median alone, as a part of what is allowed.
    func figure(_ name: String, _ measure: Measure, _ unit: String, of side: Int = 0, limit: Double) -> Figure {
        let ours = turns[side].compactMap { $0[measure] }
        return Figure(
            name: name,
            ratio: ours.median / limit,
            against: "the limit",
            ours: ours.median,
            theirs: limit,
            unit: unit,
            bar: .oursAtMost(limit),
            rounds: ours.map { $0 / limit }
        )
    }
}

extension [Double] {
    /// The middle value, or the mean of the two in the middle; 0 when there is none.
    var median: Double {
        guard !isEmpty else { return 0 }
        let ordered = sorted()
        return (ordered[(count - 1) / 2] + ordered[count / 2]) / 2
    }

    /// The value below which a part of the values lies; 0 when there is none.
    func quantile(_ part: Double) -> Double {
        let ordered = sorted()
        return ordered.isEmpty ? 0 : ordered[Swift.min(count - 1, Int(Double(count) * part))]
    }
}
