/// One result: a ratio, and what it is made of.
struct Figure: Codable, Sendable {
    let name: String
    let ratio: Double
    /// What it was measured against.
    let against: String
    let ours: Double
    let theirs: Double
    let unit: String
    /// What the ratio has to reach; nil where it is only reported.
    let bar: Bar?
    /// The ratio of each round.
    let rounds: [Double]

    /// What has to be reached.
    enum Bar: Codable, Sendable {
        case ratioAtMost(Double)
        case ratioAtLeast(Double)
        case oursAtMost(Double)

        var text: String {
            switch self {
            case .ratioAtMost(let limit): "≤ \(limit)"
            case .ratioAtLeast(let limit): "≥ \(limit)"
            case .oursAtMost(let limit): "ours ≤ \(limit)"
            }
        }
    }

    /// Whether the bar is reached; nil where there is none.
    var isMet: Bool? {
        switch bar {
        case .ratioAtMost(let limit)?: ratio <= limit
        case .ratioAtLeast(let limit)?: ratio >= limit
        case .oursAtMost(let limit)?: ours <= limit
        case nil: nil
        }
    }
}
