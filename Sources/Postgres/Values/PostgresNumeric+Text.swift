extension PostgresNumeric: LosslessStringConvertible {
    /// From text such as `-12.50`, `1.5e-3`, `NaN` or `Infinity`, as the server reads it; nil when it is none.
    ///
    /// Spaces around it are ignored. Nil too for more digits than the type can hold: 131,072 before the point, 16,383
    /// after it. Hexadecimal numbers and underscores, which PostgreSQL 16 introduced, are not read.
    public init?(_ text: String) {
        let isSpace = { (byte: UInt8) in byte == 32 || (9...13).contains(byte) }
        var rest = Array(text.utf8)[...].drop(while: isSpace)
        while let last = rest.last, isSpace(last) { rest.removeLast() }
        var sign: Sign?
        if let first = rest.first, first == UInt8(ascii: "-") || first == UInt8(ascii: "+") {
            sign = first == UInt8(ascii: "-") ? .negative : .positive
            rest = rest.dropFirst()
        }
        if let special = Self.special(String(decoding: rest, as: UTF8.self).lowercased(), sign: sign) {
            self = special
            return
        }
        self.init(sign: sign ?? .positive, unsigned: rest)
    }

    private static func special(_ name: String, sign: Sign?) -> PostgresNumeric? {
        switch name {
        case "nan" where sign == nil: .nan
        case "inf", "infinity": sign == .negative ? .negativeInfinity : .infinity
        default: nil
        }
    }

    private init?(sign: Sign, unsigned text: ArraySlice<UInt8>) {
        let isDigit = { (byte: UInt8) in (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
        let integer = text.prefix(while: isDigit)
        var rest = text[integer.endIndex...]
        var fraction: ArraySlice<UInt8> = []
        if rest.first == UInt8(ascii: ".") {
            fraction = rest.dropFirst().prefix(while: isDigit)
            rest = rest.dropFirst(1 + fraction.count)
        }
        var exponent = 0
        if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
            // Far beyond the type's limits, and far from overflow below.
            guard let power = Int32(String(decoding: rest.dropFirst(), as: UTF8.self)), abs(Int(power)) < 1 << 30
            else { return nil }
            exponent = Int(power)
            rest = []
        }
        guard rest.isEmpty, !integer.isEmpty || !fraction.isEmpty else { return nil }
        self.init(
            sign: sign,
            decimals: (integer + fraction).map { $0 - UInt8(ascii: "0") },
            point: integer.count + exponent,
            scale: max(0, fraction.count - exponent)
        )
    }

    /// From decimal digits, of which `point` stand before the point.
    init?(sign: Sign, decimals: [UInt8], point: Int, scale: Int) {
        let used = decimals.drop { $0 == 0 }
        let point = point - (decimals.count - used.count)
        let weight = (point - 1) >> 2
        guard Limit.scale.contains(scale), used.isEmpty || Limit.weight.contains(weight) else { return nil }
        // Shifts round down, as the groups of four decimals around the point need.
        var digits = [UInt16](repeating: 0, count: used.isEmpty ? 0 : weight - ((point - used.count) >> 2) + 1)
        let powers: [UInt16] = [1, 10, 100, 1000]
        for (index, decimal) in used.enumerated() {
            let power = point - 1 - index
            digits[weight - (power >> 2)] += UInt16(decimal) * powers[power & 3]
        }
        self.init(sign: sign, digits: digits, weight: weight, scale: scale)
    }

    /// The number as the server prints it, with as many digits after the point as its scale says.
    public var description: String {
        switch sign {
        case .notANumber: return "NaN"
        case .infinity: return "Infinity"
        case .negativeInfinity: return "-Infinity"
        case .positive, .negative: break
        }
        var text: [UInt8] = sign == .negative ? [UInt8(ascii: "-")] : []
        let first = text.count
        for power in stride(from: max(0, weight), through: 0, by: -1) { Self.append(digit(power: power), to: &text) }
        // The first group has no zeros in front, but one digit stands before the point.
        let zeros = text[first...].prefix { $0 == UInt8(ascii: "0") }.count
        text.removeSubrange(first..<first + min(zeros, text.count - first - 1))
        guard scale > 0 else { return String(decoding: text, as: UTF8.self) }
        text.append(UInt8(ascii: "."))
        let end = text.count + scale
        var power = -1
        while text.count < end {
            Self.append(digit(power: power), to: &text)
            power -= 1
        }
        return String(decoding: text[..<end], as: UTF8.self)
    }

    private static func append(_ digit: UInt16, to text: inout [UInt8]) {
        for power in [1000, 100, 10, 1] as [UInt16] {
            text.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit / power % 10))
        }
    }
}
