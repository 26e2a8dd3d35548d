/// Reads the server's text forms of dates, times and intervals, from left to right.
struct TextScanner {
    private var rest: ArraySlice<UInt8>

    init(_ text: String) {
        rest = Array(text.utf8)[...]
    }

    var isAtEnd: Bool { rest.isEmpty }

    /// Takes the text when it comes next.
    mutating func take(_ text: String) -> Bool {
        guard rest.starts(with: text.utf8) else { return false }
        rest = rest.dropFirst(text.utf8.count)
        return true
    }

    /// Takes a number without sign that has one of these counts of digits, 18 at most.
    mutating func takeNumber(digits allowed: ClosedRange<Int>) -> Int64? {
        let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard allowed.contains(digits.count), digits.count <= 18 else { return nil }
        rest = rest[digits.endIndex...]
        return digits.reduce(0) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
    }

    /// Takes `.5`, a fraction of a second, as microseconds; 0 when there is none, nil when it is too fine.
    mutating func takeFraction() -> Int64? {
        guard take(".") else { return 0 }
        let before = rest.count
        guard var microseconds = takeNumber(digits: 1...6) else { return nil }
        for _ in (before - rest.count)..<6 { microseconds *= 10 }
        return microseconds
    }

    /// Takes letters.
    mutating func takeWord() -> String {
        let letters = rest.prefix { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }
        rest = rest[letters.endIndex...]
        return String(decoding: letters, as: UTF8.self)
    }
}

extension BinaryInteger {
    /// The number without sign, with zeros in front up to `width` digits.
    func padded(_ width: Int) -> String {
        let digits = String(magnitude)
        return String(repeating: "0", count: Swift.max(0, width - digits.count)) + digits
    }
}

/// `.5` for 500,000 microseconds and nothing for none, as the server prints fractions of seconds.
func fractionText(microseconds: UInt64) -> String {
    guard microseconds != 0 else { return "" }
    var digits = microseconds.padded(6)
    while digits.hasSuffix("0") { digits.removeLast() }
    return "." + digits
}
