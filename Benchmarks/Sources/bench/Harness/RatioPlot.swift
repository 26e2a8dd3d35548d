import Foundation

/// What has to be reached, a row for each figure: how far on which side of its bar it lies.
struct RatioPlot {
    private let rows: [Row]

    /// Makes a row of each figure that has a bar, except slopes: the curves show them, and they can be negative.
    init(_ figures: [Figure]) {
        rows = figures.filter { $0.plot == nil }.compactMap(Row.init)
    }

    private struct Row {
        let name: String
        let label: String
        let isMet: Bool
        /// How many times better than the bar: 1 at the bar itself.
        let standing: Double
        /// From the worst of the rounds to the best; nil where there was but one.
        let spread: ClosedRange<Double>?

        /// Nil where the figure has no bar, or its ratio no place on a logarithmic axis.
        init?(_ figure: Figure) {
            guard let bar = figure.bar, let isMet = figure.isMet, let standing = figure.standing(figure.ratio),
                standing.isNormal
            else { return nil }
            let rounds = figure.rounds.compactMap(figure.standing).filter(\.isNormal)
            (name, self.isMet, self.standing) = (figure.name, isMet, standing)
            if let worst = rounds.min(), let best = rounds.max(), rounds.count > 1 {
                spread = worst...best
            } else {
                spread = nil
            }
            label =
                switch bar {
                case .oursAtMost(let limit): "\(Self.text(figure.ours)) \(figure.unit) (≤ \(Self.text(limit)))"
                case .ratioAtMost(let limit): "\(Self.text(figure.ratio)) (≤ \(Self.text(limit)))"
                case .ratioAtLeast(let limit): "\(Self.text(figure.ratio)) (≥ \(Self.text(limit)))"
                }
        }

        private static func text(_ number: Double) -> String {
            String(format: number >= 1000 ? "%.0f" : "%.3g", number)
        }
    }

    private static let (width, left, right, top, rowHeight) = (760.0, 212.0, 600.0, 70.0, 20.0)

    var svg: String {
        let bottom = Self.top + Double(rows.count) * Self.rowHeight
        let values = rows.flatMap { [$0.standing, $0.spread?.lowerBound, $0.spread?.upperBound].compactMap(\.self) }
        let axis = Axis(values + [0.5, 2], steps: [1, 2, 5], from: Self.left, to: Self.right)
        var text = Self.legend + Self.grid(axis, bottom)
        for (index, row) in rows.enumerated() {
            text += Self.draw(row, at: Self.top + (Double(index) + 0.5) * Self.rowHeight, axis)
        }
        return Drawing.document(width: Self.width, height: bottom + 40, text)
    }

    private static var legend: String {
        Drawing.text("How each figure stands to its bar", 8, 18, style: Drawing.bold)
            + Drawing.circle(14, 36, radius: 4, of: "good") + Drawing.text("reached", 24, 40)
            + Drawing.diamond(90, 36, radius: 5, of: "bad") + Drawing.text("not reached", 100, 40)
            + Drawing.line(180, 36, 206, 36, of: "good")
            + Drawing.text("the rounds, from worst to best; the mark is their median", 212, 40)
    }

    private static func grid(_ axis: Axis, _ bottom: Double) -> String {
        var text = ""
        for tick in axis.ticks {
            let x = axis.place(tick)
            text += Drawing.line(x, top, x, bottom, of: tick == 1 ? "bar" : "grid")
            text += Drawing.text(String(format: "%g", tick), x, bottom + 14, anchor: "middle")
        }
        let bar = axis.place(1)
        return text + Drawing.text("← worse", bar - 8, top - 6, anchor: "end", style: Drawing.faint)
            + Drawing.text("better than the bar →", bar + 8, top - 6, style: Drawing.faint)
            + Drawing.text("measured (bar)", right + 10, top - 6, style: Drawing.faint)
            + Drawing.text(
                "times as good as the bar asks for, logarithmic",
                (left + right) / 2,
                bottom + 30,
                anchor: "middle",
                style: Drawing.faint
            )
    }

    private static func draw(_ row: Row, at y: Double, _ axis: Axis) -> String {
        let kind = row.isMet ? "good" : "bad"
        var text = Drawing.text(row.name, left - 10, y + 4, anchor: "end")
        if let spread = row.spread {
            let (worst, best) = (axis.place(spread.lowerBound), axis.place(spread.upperBound))
            text += Drawing.line(worst, y, best, y, of: kind)
            for end in [worst, best] { text += Drawing.line(end, y - 3, end, y + 3, of: kind) }
        }
        let x = axis.place(row.standing)
        text +=
            row.isMet ? Drawing.circle(x, y, radius: 4, of: kind) : Drawing.diamond(x, y, radius: 5, of: kind)
        return text + Drawing.text(row.label, right + 10, y + 4)
    }
}
