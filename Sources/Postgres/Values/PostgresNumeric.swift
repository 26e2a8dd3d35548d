/// A `numeric`: an exact decimal number of up to 131,072 digits before the point and 16,383 after it.
///
/// ```swift
/// let price: PostgresNumeric? = PostgresNumeric("19.90")
/// let total = try row.decode("total", as: PostgresNumeric.self)
/// if let cents = Int64(exactly: total) { … }
/// ```
/// The scale, how many digits are shown after the point, is kept but does not matter to comparison: 1.5 equals 1.50.
/// `NaN` equals itself and is greater than every number, as on the server, so that values can be sorted and hashed.
/// There is no arithmetic: let the server calculate, or convert to `Decimal` or an integer.
public struct PostgresNumeric: Sendable {
    /// The marks of the binary form.
    enum Sign: UInt16, Sendable {
        case positive = 0x0000
        case negative = 0x4000
        case notANumber = 0xC000
        case infinity = 0xD000
        case negativeInfinity = 0xF000
    }

    /// The limits of the type.
    enum Limit {
        static let weight = -4096...32_767
        static let scale = 0...16_383
    }

    let sign: Sign
    /// Digits to the base of 10,000, the highest first; no zeros at either end, so that there is one form for a number.
    let digits: [UInt16]
    /// The power of 10,000 that the first digit counts.
    let weight: Int
    /// How many decimal digits are shown after the point: 0…16,383.
    public let scale: Int

    private init(special sign: Sign) {
        self.sign = sign
        digits = []
        weight = 0
        scale = 0
    }

    /// Takes zeros off both ends; nil beyond the type's limits, or when the scale cuts digits off.
    init?(sign: Sign, digits: [UInt16], weight: Int, scale: Int) {
        guard Limit.scale.contains(scale) else { return nil }
        self.scale = scale
        let firstUsed = digits.firstIndex { $0 != 0 }
        guard let firstUsed, let lastUsed = digits.lastIndex(where: { $0 != 0 }) else {
            self.sign = .positive
            self.digits = []
            self.weight = 0
            return
        }
        self.sign = sign
        self.weight = weight - firstUsed
        self.digits = Array(digits[firstUsed...lastUsed])
        guard Limit.weight.contains(self.weight), significantScale <= scale else { return nil }
    }

    /// The decimal digits after the point that are needed to show the number exactly.
    var significantScale: Int {
        guard let last = digits.last else { return 0 }
        let trailingZeros = last % 1000 == 0 ? 3 : last % 100 == 0 ? 2 : last % 10 == 0 ? 1 : 0
        return max(0, (digits.count - 1 - weight) * 4 - trailingZeros)
    }

    /// Not a number; equal to itself and greater than every other, as on the server.
    public static let nan = PostgresNumeric(special: .notANumber)
    /// Greater than every number; PostgreSQL 14 and later.
    public static let infinity = PostgresNumeric(special: .infinity)
    /// Less than every number; PostgreSQL 14 and later.
    public static let negativeInfinity = PostgresNumeric(special: .negativeInfinity)
    /// Zero, without digits after the point.
    public static let zero = PostgresNumeric(special: .positive)

    /// Whether it is `NaN`.
    public var isNaN: Bool { sign == .notANumber }
    /// Whether it is one of the infinities.
    public var isInfinite: Bool { sign == .infinity || sign == .negativeInfinity }
    /// Whether it is a number: not `NaN`, not infinite.
    public var isFinite: Bool { sign == .positive || sign == .negative }
    /// Whether it is less than zero.
    public var isNegative: Bool { sign == .negative || sign == .negativeInfinity }

    /// The digit to the base of 10,000 that counts the given power of 10,000.
    func digit(power: Int) -> UInt16 {
        let index = weight - power
        return digits.indices.contains(index) ? digits[index] : 0
    }
}

extension PostgresNumeric: Hashable, Comparable {
    private var rank: Int {
        switch sign {
        case .negativeInfinity: -2
        case .negative: -1
        case .positive: digits.isEmpty ? 0 : 1
        case .infinity: 2
        case .notANumber: 3
        }
    }

    /// Whether both are the same number, whatever their scales.
    public static func == (left: PostgresNumeric, right: PostgresNumeric) -> Bool {
        left.sign == right.sign && left.weight == right.weight && left.digits == right.digits
    }

    /// Mixes in the number without its scale.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(sign)
        hasher.combine(weight)
        hasher.combine(digits)
    }

    /// Orders as the server does: −∞, the numbers, ∞, `NaN`.
    public static func < (left: PostgresNumeric, right: PostgresNumeric) -> Bool {
        guard left.rank == right.rank else { return left.rank < right.rank }
        return switch left.sign {
        case .positive: left.hasSmallerMagnitude(than: right)
        case .negative: right.hasSmallerMagnitude(than: left)
        default: false
        }
    }

    private func hasSmallerMagnitude(than other: PostgresNumeric) -> Bool {
        weight == other.weight ? digits.lexicographicallyPrecedes(other.digits) : weight < other.weight
    }
}

extension PostgresNumeric: PostgresCodable {
    /// `numeric`.
    public static var postgresType: PostgresType { .numeric }
    /// `numeric[]`.
    public static var postgresArrayType: PostgresType { .numericArray }

    /// Appends the number.
    public func encode(to encoder: inout PostgresEncoder) {
        encoder.append(UInt16(clamping: digits.count))
        encoder.append(Int16(clamping: weight))
        encoder.append(sign.rawValue)
        encoder.append(UInt16(clamping: scale))
        for digit in digits { encoder.append(digit) }
    }

    /// True for `numeric`.
    public static func canDecode(_ type: PostgresType) -> Bool { type == .numeric }

    /// Reads the number.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> PostgresNumeric {
        var cursor = ByteCursor("numeric")
        let count = Int(try cursor.next(UInt16.self, in: bytes))
        let weight = Int(try cursor.next(Int16.self, in: bytes))
        let sign = Sign(rawValue: try cursor.next(UInt16.self, in: bytes))
        let scale = Int(try cursor.next(UInt16.self, in: bytes))
        guard let sign else { throw PostgresError(.decodingFailed, "the bytes are no numeric: unknown sign") }
        guard bytes.byteCount - 8 == count * 2 else {
            throw PostgresError(
                .decodingFailed,
                "the numeric's \(count) digits do not fill its \(bytes.byteCount) bytes"
            )
        }
        guard sign == .positive || sign == .negative else { return PostgresNumeric(special: sign) }
        let digits = (0..<count).map { bytes.bigEndian(at: 8 + $0 * 2, as: UInt16.self) }
        guard digits.allSatisfy({ $0 < 10_000 }),
            let number = PostgresNumeric(sign: sign, digits: digits, weight: weight, scale: scale)
        else {
            throw PostgresError(
                .decodingFailed,
                "the bytes are no numeric: a digit, the scale or the size is out of range"
            )
        }
        return number
    }
}
