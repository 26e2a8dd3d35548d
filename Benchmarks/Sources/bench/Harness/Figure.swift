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
    /// The curve whose slope the ratio is.
    var plot: Plot?

    /// What has to be reached.
    enum Bar: Codable, Sendable {
        case ratioAtMost(Double)
        case ratioAtLeast(Double)
        /// Of a figure against the limit: its ratio is a part of that.
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

    /// How many times better than the bar a ratio of this figure is: 1 at the bar, more beyond it; nil without a bar.
    func standing(_ ratio: Double) -> Double? {
        switch bar {
        case .ratioAtMost(let limit)?: limit / ratio
        case .ratioAtLeast(let limit)?: ratio / limit
        case .oursAtMost?: 1 / ratio
        case nil: nil
        }
    }
}

extension Figure {
    /// The slope of a curve: more than 1 is a defect.
    init(growth plot: Plot) {
        self.init(
            name: "growth: \(plot.title)",
            ratio: plot.slope,
            against: "linear growth (slope 1)",
            ours: plot.points.last?.y ?? 0,
            theirs: plot.points.first?.y ?? 0,
            unit: plot.yLabel,
            bar: .ratioAtMost(1),
            rounds: [],
            plot: plot
        )
    }
}
