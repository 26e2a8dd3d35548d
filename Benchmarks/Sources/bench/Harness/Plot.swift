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

    /// The slope of the steepest part: 1 is linear growth, 0 none.
    var steepest: Double {
        zip(points, points.dropFirst()).map { log($1.y / $0.y) / log($1.x / $0.x) }.max() ?? 0
    }

    /// The slope from the first point to the last.
    var slope: Double {
        guard let first = points.first, let last = points.last, first.x != last.x else { return 0 }
        return log(last.y / first.y) / log(last.x / first.x)
    }
}

extension [Plot] {
    private static let (width, height, margin) = (380.0, 260.0, 52.0)

    /// The curves beside each other, two in a row.
    var svg: String {
        let rows = (count + 1) / 2
        var text = """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(Int(Self.width * 2))" \
            height="\(Int(Self.height) * rows)" font-family="sans-serif" font-size="11">
            <rect width="100%" height="100%" fill="white"/>

            """
        for (index, plot) in enumerated() {
            let (x, y) = (Double(index % 2) * Self.width, Double(index / 2) * Self.height)
            text += "<g transform=\"translate(\(x),\(y))\">\n\(Self.panel(plot))</g>\n"
        }
        return text + "</svg>\n"
    }

    private static func panel(_ plot: Plot) -> String {
        let xs = Axis(plot.points.map(\.x), from: margin, to: width - 14)
        let ys = Axis(plot.points.map(\.y) + plot.points.map { $0.y * 1.5 }, from: height - margin, to: 30)
        let line = plot.points.map { "\(xs.place($0.x)),\(ys.place($0.y))" }.joined(separator: " ")
        var text = "<text x=\"\(margin)\" y=\"18\" font-weight=\"bold\">\(plot.title)</text>\n"
        for tick in xs.ticks {
            text += mark(xs.place(tick), 30, xs.place(tick), height - margin)
            text +=
                "<text x=\"\(xs.place(tick))\" y=\"\(height - margin + 14)\" text-anchor=\"middle\">\(label(tick))</text>\n"
        }
        for tick in ys.ticks {
            text += mark(margin, ys.place(tick), width - 14, ys.place(tick))
            text += "<text x=\"\(margin - 4)\" y=\"\(ys.place(tick) + 4)\" text-anchor=\"end\">\(label(tick))</text>\n"
        }
        text += "<polyline points=\"\(line)\" fill=\"none\" stroke=\"#336791\" stroke-width=\"2\"/>\n"
        for point in plot.points {
            text += "<circle cx=\"\(xs.place(point.x))\" cy=\"\(ys.place(point.y))\" r=\"3\" fill=\"#336791\"/>\n"
        }
        let slope = String(format: "%.2f", plot.slope)
        let caption = "\(plot.xLabel); \(plot.yLabel); slope \(slope)"
        return text + "<text x=\"\(margin)\" y=\"\(height - 16)\">\(caption)</text>\n"
    }

    private static func mark(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> String {
        "<line x1=\"\(x1)\" y1=\"\(y1)\" x2=\"\(x2)\" y2=\"\(y2)\" stroke=\"#ddd\"/>\n"
    }

    private static func label(_ number: Double) -> String {
        number >= 1e6
            ? "\(Int(number / 1e6)) M" : number >= 1000 ? "\(Int(number / 1000)) k" : String(format: "%g", number)
    }
}

/// A logarithmic axis on paper.
private struct Axis {
    let (low, high, start, end): (Double, Double, Double, Double)

    init(_ values: [Double], from start: Double, to end: Double) {
        low = floor(log10(max(values.min() ?? 1, 1e-9)))
        high = max(low + 1, ceil(log10(max(values.max() ?? 10, 1e-9))))
        (self.start, self.end) = (start, end)
    }

    var ticks: [Double] { (Int(low)...Int(high)).map { pow(10, Double($0)) } }

    func place(_ value: Double) -> Double {
        (start + (log10(value) - low) / (high - low) * (end - start)).rounded()
    }
}
