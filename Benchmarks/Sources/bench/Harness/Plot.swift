import Foundation

/// One curve on logarithmic axes: how long something takes as something else grows.
struct Plot: Codable, Sendable {
    let title: String
    let xLabel: String
    let yLabel: String
    let points: [Point]

    struct Point: Codable, Sendable {
        let x: Double
        let y: Double
    }

    /// The slope from the first point to the last: 1 is linear growth, 0 none.
    var slope: Double {
        guard let first = points.first, let last = points.last, first.x != last.x else { return 0 }
        return log(last.y / first.y) / log(last.x / first.x)
    }
}

extension [Plot] {
    private static let (width, height, margin) = (380.0, 260.0, 52.0)

    /// The curves beside each other, two in a row.
    var svg: String {
        var text = ""
        for (index, plot) in enumerated() {
            let (x, y) = (Double(index % 2) * Self.width, Double(index / 2) * Self.height)
            text += "<g transform=\"translate(\(Int(x)),\(Int(y)))\">\n\(Self.panel(plot))</g>\n"
        }
        let rows = (count + 1) / 2
        return Drawing.document(width: Self.width * 2, height: Self.height * Double(rows), text)
    }

    private static func panel(_ plot: Plot) -> String {
        let (right, bottom) = (width - 20, height - margin)
        let xs = Axis(plot.points.map(\.x), from: margin, to: right)
        let ys = Axis(plot.points.map(\.y) + plot.points.map { $0.y * 1.5 }, from: bottom, to: 30)
        var text = Drawing.text(plot.title, margin, 18, style: Drawing.bold)
        for tick in xs.ticks {
            text += Drawing.line(xs.place(tick), 30, xs.place(tick), bottom, of: "grid")
            text += Drawing.text(label(tick), xs.place(tick), bottom + 14, anchor: "middle")
        }
        for tick in ys.ticks {
            text += Drawing.line(margin, ys.place(tick), right, ys.place(tick), of: "grid")
            text += Drawing.text(label(tick), margin - 4, ys.place(tick) + 4, anchor: "end")
        }
        let line = plot.points.map { "\(Drawing.pixels(xs.place($0.x))),\(Drawing.pixels(ys.place($0.y)))" }
        text += "<polyline class=\"good curve\" points=\"\(line.joined(separator: " "))\"/>\n"
        for point in plot.points {
            text += Drawing.circle(xs.place(point.x), ys.place(point.y), radius: 2.5, of: "good")
        }
        let slope = String(format: "%.2f", plot.slope)
        let caption = "\(plot.xLabel); \(plot.yLabel); slope \(slope)"
        return text + Drawing.text(caption, margin, height - 16)
    }

    private static func label(_ number: Double) -> String {
        number >= 1e6
            ? "\(Int(number / 1e6)) M" : number >= 1000 ? "\(Int(number / 1000)) k" : String(format: "%g", number)
    }
}
