/// Numbers with their units, for people.
enum Quantity {
    /// `0.4 ms`, `12 ms`, `1.2 s`, `3 min 12 s`, `2 h 5 min`.
    static func duration(milliseconds: Double) -> String {
        switch milliseconds {
        case ..<9.95: "\(tenths(milliseconds)) ms"
        case ..<999.5: "\(Int64(milliseconds.rounded())) ms"
        case ..<59_950: "\(tenths(milliseconds / 1000)) s"
        case ..<3_599_500: pair(Int64((milliseconds / 1000).rounded()), "min", "s")
        default: pair(Int64((min(milliseconds, 1e15) / 60_000).rounded()), "h", "min")
        }
    }

    /// As ``duration(milliseconds:)``.
    static func duration(_ duration: Duration) -> String {
        self.duration(milliseconds: duration / .milliseconds(1))
    }

    /// `512 bytes`, `8.2 kB`, `1.3 GB`, in powers of 1024 as PostgreSQL counts.
    static func bytes(_ count: Int64) -> String {
        guard count >= 1024 else { return "\(count) bytes" }
        var value = Double(count) / 1024
        var units = ["kB", "MB", "GB", "TB"][...]
        while value >= 1024, units.count > 1 {
            value /= 1024
            units.removeFirst()
        }
        return "\(tenths(value)) \(units.first ?? "")"
    }

    /// `1,234,567`.
    static func count(_ number: Int64) -> String {
        let digits = String(number.magnitude)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { text += "," }
            text.append(digit)
        }
        return number < 0 ? "-" + text : text
    }

    /// `1 step`, `3 steps`, `2 batches`.
    static func many(_ number: Int, _ noun: String, _ plural: String? = nil) -> String {
        "\(number) \(number == 1 ? noun : plural ?? "\(noun)s")"
    }

    private static func tenths(_ value: Double) -> String {
        let tenths = Int64((value * 10).rounded())
        return tenths.isMultiple(of: 10) ? "\(tenths / 10)" : "\(tenths / 10).\(abs(tenths % 10))"
    }

    private static func pair(_ number: Int64, _ large: String, _ small: String) -> String {
        "\(number / 60) \(large) \(number % 60) \(small)"
    }
}
