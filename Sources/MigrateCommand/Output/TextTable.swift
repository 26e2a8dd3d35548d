/// Rows of texts in columns.
enum TextTable {
    /// Pads every column but the last to its widest text; colours come afterwards, as they have no width.
    static func render(_ rows: [[String]], indent: String = "  ") -> [String] {
        var widths: [Int] = []
        for row in rows {
            for (column, text) in row.enumerated() {
                if column == widths.count { widths.append(0) }
                widths[column] = max(widths[column], text.count)
            }
        }
        return rows.map { row in
            let cells = row.enumerated().map { column, text in
                column == row.count - 1 ? text : text + String(repeating: " ", count: widths[column] - text.count)
            }
            return indent + cells.joined(separator: "  ")
        }
    }
}
