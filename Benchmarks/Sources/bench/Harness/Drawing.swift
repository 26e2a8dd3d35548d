import Foundation

/// The parts of an SVG document that the plots are made of.
enum Drawing {
    /// A document of a size in pixels.
    ///
    /// It has a background of its own, so that it is as legible on a light page as on a dark one; where the reader
    /// prefers dark ones it is dark itself. Blue and orange of Okabe and Ito, which colour-blind people tell apart.
    static func document(width: Double, height: Double, _ content: String) -> String {
        """
        <svg xmlns="http://www.w3.org/2000/svg" width="\(pixels(width))" height="\(pixels(height))" \
        viewBox="0 0 \(pixels(width)) \(pixels(height))" font-family="sans-serif" font-size="11">
        <style>
        .page { fill: #ffffff } text { fill: #24292f } .faint { fill: #57606a }
        .grid { stroke: #d8dee4 } .bar { stroke: #24292f; stroke-width: 1.5 }
        .good { stroke: #0072b2; fill: #0072b2; stroke-width: 2 } .bad { stroke: #d55e00; fill: #ffffff; stroke-width: 2 }
        .curve { fill: none }
        @media (prefers-color-scheme: dark) {
        .page { fill: #0d1117 } text { fill: #e6edf3 } .faint { fill: #9198a1 }
        .grid { stroke: #30363d } .bar { stroke: #e6edf3 }
        .good { stroke: #56b4e9; fill: #56b4e9 } .bad { stroke: #e69f00; fill: #0d1117 }
        .curve { fill: none }
        }
        </style>
        <rect class="page" width="100%" height="100%"/>
        \(content)</svg>

        """
    }

    static func text(_ text: String, _ x: Double, _ y: Double, anchor: String = "start", style: String = "") -> String {
        let escaped = text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
        return "<text x=\"\(pixels(x))\" y=\"\(pixels(y))\" text-anchor=\"\(anchor)\"\(style)>\(escaped)</text>\n"
    }

    static func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, of kind: String) -> String {
        "<line class=\"\(kind)\" x1=\"\(pixels(x1))\" y1=\"\(pixels(y1))\" x2=\"\(pixels(x2))\" y2=\"\(pixels(y2))\"/>\n"
    }

    static func circle(_ x: Double, _ y: Double, radius: Double, of kind: String) -> String {
        "<circle class=\"\(kind)\" cx=\"\(pixels(x))\" cy=\"\(pixels(y))\" r=\"\(pixels(radius))\"/>\n"
    }

    /// A square that stands on a corner.
    static func diamond(_ x: Double, _ y: Double, radius: Double, of kind: String) -> String {
        let corners = [(x - radius, y), (x, y - radius), (x + radius, y), (x, y + radius)]
        let points = corners.map { "\(pixels($0.0)),\(pixels($0.1))" }.joined(separator: " ")
        return "<polygon class=\"\(kind)\" points=\"\(points)\"/>\n"
    }

    static let bold = " font-weight=\"bold\""
    static let faint = " class=\"faint\""

    /// A tenth of a pixel is as fine as anybody sees.
    static func pixels(_ number: Double) -> String { String(format: "%g", (number * 10).rounded() / 10) }
}

/// A logarithmic axis on paper.
struct Axis {
    /// Where a line is drawn and a number written; the first and the last are the axis's ends.
    let ticks: [Double]
    private let (start, end): (Double, Double)

    /// From the last tick below the values to the first above them; `steps` are the ticks of a decade.
    init(_ values: [Double], steps: [Double] = [1], from start: Double, to end: Double) {
        let (least, most) = (max(values.min() ?? 1, 1e-9), min(max(values.max() ?? 10, 1e-9), 1e15))
        let decades = Int(floor(log10(least)))...Int(ceil(log10(most))) + 1
        let all = decades.flatMap { decade in steps.map { $0 * pow(10, Double(decade)) } }
        let first = all.lastIndex { $0 <= least } ?? 0
        let last = all.firstIndex { $0 >= most } ?? all.endIndex - 1
        ticks = Array(all[first...max(last, first + 1)])
        (self.start, self.end) = (start, end)
    }

    func place(_ value: Double) -> Double {
        let (low, high) = (log(ticks[0]), log(ticks[ticks.count - 1]))
        return start + (log(value) - low) / (high - low) * (end - start)
    }
}
