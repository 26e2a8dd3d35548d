public import Foundation

extension PostgresNumeric: ExpressibleByIntegerLiteral {
    /// From an integer literal.
    public init(integerLiteral value: Int64) {
        self.init(value)
    }

    /// The same number, without digits after the point.
    public init(_ value: Int64) {
        let digits = Array(Self.digits(of: value.magnitude).reversed())
        let sign = value < 0 ? Sign.negative : .positive
        // 64 bits are far within the type's limits.
        self = PostgresNumeric(sign: sign, digits: digits, weight: digits.count - 1, scale: 0) ?? .zero
    }

    /// The same number, without digits after the point.
    public init(_ value: Int) {
        self.init(Int64(value))
    }

    /// The double's exact value, which for most has many digits: 0.1 is
    /// 0.1000000000000000055511151231257827021181583404541015625.
    ///
    /// For the shortest decimal that means the same double, use `PostgresNumeric(double.description)`. Never nil in
    /// practice: `NaN` and the infinities are values of the type, and every double is within its limits.
    public init?(exactly double: Double) {
        guard double.isFinite else {
            self = double.isNaN ? .nan : double < 0 ? .negativeInfinity : .infinity
            return
        }
        guard double != 0 else {
            self = .zero
            return
        }
        var significand = double.significandBitPattern | (double.isNormal ? 1 << UInt64(Double.significandBitCount) : 0)
        let zeros = significand.trailingZeroBitCount
        significand >>= UInt64(zeros)
        // value = significand × 2^power, and 2^-n is 5^n × 10^-n.
        let power = (double.isNormal ? Int(double.exponent) : -1022) - Double.significandBitCount + zeros
        var number = Self.digits(of: significand)
        for _ in 0..<abs(power) { Self.multiply(&number, by: power < 0 ? 5 : 2) }
        let decimals = number.reversed().flatMap { digit in
            [digit / 1000, digit / 100 % 10, digit / 10 % 10, digit % 10].map { UInt8(truncatingIfNeeded: $0) }
        }
        let scale = max(0, -power)
        self.init(
            sign: double < 0 ? .negative : .positive,
            decimals: decimals,
            point: decimals.count - scale,
            scale: scale
        )
    }

    /// Digits to the base of 10,000, the lowest first.
    private static func digits(of magnitude: UInt64) -> [UInt16] {
        var digits: [UInt16] = []
        var rest = magnitude
        while rest > 0 {
            digits.append(UInt16(truncatingIfNeeded: rest % 10_000))
            rest /= 10_000
        }
        return digits
    }

    /// Multiplies digits to the base of 10,000, the lowest first.
    private static func multiply(_ digits: inout [UInt16], by factor: UInt32) {
        var carry: UInt32 = 0
        for index in digits.indices {
            let product = UInt32(digits[index]) * factor + carry
            digits[index] = UInt16(truncatingIfNeeded: product % 10_000)
            carry = product / 10_000
        }
        if carry > 0 { digits.append(UInt16(truncatingIfNeeded: carry)) }
    }

    /// The same number; nil only for a decimal that cannot be printed.
    ///
    /// The decimal's `NaN` is ``nan``.
    public init?(exactly decimal: Decimal) {
        self.init(decimal.isNaN ? "NaN" : decimal.description)
    }
}

extension FixedWidthInteger {
    /// The same number; nil when it has a fraction or does not fit, and for `NaN` and the infinities.
    public init?(exactly numeric: PostgresNumeric) {
        guard numeric.isFinite, numeric.significantScale == 0 else { return nil }
        var value: Int128 = 0
        for power in stride(from: numeric.weight, through: 0, by: -1) where !numeric.digits.isEmpty {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10_000)
            let (sum, isTooLarge) = product.subtractingReportingOverflow(Int128(numeric.digit(power: power)))
            guard !overflow, !isTooLarge else { return nil }
            value = sum
        }
        // Collected below zero, where there is room for one more.
        if !numeric.isNegative {
            guard value != .min else { return nil }
            value = -value
        }
        self.init(exactly: value)
    }
}

extension Double {
    /// The nearest double: infinite beyond a double's range.
    public init(_ numeric: PostgresNumeric) {
        switch numeric.sign {
        case .notANumber: self = .nan
        case .infinity: self = .infinity
        case .negativeInfinity: self = -.infinity
        case .positive, .negative: self = Double(numeric.description) ?? .nan
        }
    }

    /// The same number; nil when the nearest double is another.
    public init?(exactly numeric: PostgresNumeric) {
        self.init(numeric)
        guard PostgresNumeric(exactly: self) == numeric else { return nil }
    }
}

extension Decimal {
    /// The same number; nil when it needs more than a decimal's 38 digits or is out of its range, and for infinities.
    ///
    /// `NaN` is the decimal's. The scale is not kept: 1.50 becomes 1.5.
    public init?(exactly numeric: PostgresNumeric) {
        guard numeric.isFinite else {
            guard numeric.isNaN else { return nil }
            self = .nan
            return
        }
        // 39 digits at most, in groups of four that may begin and end with zeros.
        guard numeric.digits.count <= 11 else { return nil }
        var significand = numeric.digits.map { $0.padded(4) }.joined()
        var exponent = (numeric.weight - numeric.digits.count + 1) * 4
        while significand.hasSuffix("0") {
            significand.removeLast()
            exponent += 1
        }
        guard numeric.digits.isEmpty || (-128...127).contains(exponent),
            let number = Decimal(string: significand.isEmpty ? "0" : significand)
        else { return nil }
        self.init(
            sign: numeric.isNegative ? .minus : .plus,
            exponent: significand.isEmpty ? 0 : exponent,
            significand: number
        )
        guard PostgresNumeric(exactly: self) == numeric else { return nil }
    }
}

extension Decimal: PostgresCodable {
    /// `numeric`.
    public static var postgresType: PostgresType { .numeric }
    /// `numeric[]`.
    public static var postgresArrayType: PostgresType { .numericArray }

    /// Appends the number.
    ///
    /// - Throws: `encodingFailed` for a decimal that is no `numeric`, which none is known to be.
    public func encode(to encoder: inout PostgresEncoder) throws(PostgresError) {
        guard let numeric = PostgresNumeric(exactly: self) else {
            throw PostgresError(.encodingFailed, "the decimal cannot be sent as numeric", nothingWasSent: true)
        }
        numeric.encode(to: &encoder)
    }

    /// True for `numeric`.
    public static func canDecode(_ type: PostgresType) -> Bool { type == .numeric }

    /// Reads the number; one that would lose digits throws.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> Decimal {
        guard let decimal = Decimal(exactly: try PostgresNumeric.decode(bytes, type: type)) else {
            throw PostgresError(
                .decodingFailed,
                "the value does not fit Decimal (38 digits, ±10^-128…10^127); read a PostgresNumeric"
            )
        }
        return decimal
    }
}
