/// A type that a built-in range type has as its bounds.
public protocol PostgresRangeBound: PostgresCodable {
    /// The range type over this type.
    static var postgresRangeType: PostgresType { get }
    /// The array type of ``postgresRangeType``.
    static var postgresRangeArrayType: PostgresType { get }
    /// The multirange type over this type.
    static var postgresMultirangeType: PostgresType { get }
    /// The array type of ``postgresMultirangeType``.
    static var postgresMultirangeArrayType: PostgresType { get }
}

/// A range of values: `int4range`, `int8range`, `numrange`, `daterange`, `tsrange` or `tstzrange`.
///
/// ```swift
/// let lease = PostgresRange(lower: .included(start), upper: .unbounded)
/// let ports = PostgresRange(1024..<2048)
/// ```
/// The server writes ranges of integers and dates in one way, `[1,4)` for `[1,3]`; here they are as they were made.
public struct PostgresRange<Bound: PostgresRangeBound>: Sendable {
    /// Where a range ends on one side.
    public enum Endpoint: Sendable {
        /// The value itself is within the range.
        case included(Bound)
        /// The range comes up to the value but does not contain it.
        case excluded(Bound)
        /// There is no end.
        case unbounded
    }

    /// Where it begins.
    public let lower: Endpoint
    /// Where it ends.
    public let upper: Endpoint
    /// Whether it contains nothing; its ends mean nothing then.
    ///
    /// Only ``empty`` and what the server calls empty: `[1,1)` becomes so there.
    public let isEmpty: Bool

    private init(lower: Endpoint, upper: Endpoint, isEmpty: Bool) {
        self.lower = lower
        self.upper = upper
        self.isEmpty = isEmpty
    }

    /// A range between two ends; the server refuses a lower one above the upper with SQLSTATE 22000.
    public init(lower: Endpoint, upper: Endpoint) {
        self.init(lower: lower, upper: upper, isEmpty: false)
    }

    /// The range that contains nothing.
    public static var empty: PostgresRange { PostgresRange(lower: .unbounded, upper: .unbounded, isEmpty: true) }
}

extension PostgresRange where Bound: Comparable {
    /// With the first value and without the last.
    public init(_ range: Range<Bound>) {
        self.init(lower: .included(range.lowerBound), upper: .excluded(range.upperBound))
    }

    /// With both values.
    public init(_ range: ClosedRange<Bound>) {
        self.init(lower: .included(range.lowerBound), upper: .included(range.upperBound))
    }

    /// From a value on.
    public init(_ range: PartialRangeFrom<Bound>) {
        self.init(lower: .included(range.lowerBound), upper: .unbounded)
    }

    /// Up to a value, without it.
    public init(_ range: PartialRangeUpTo<Bound>) {
        self.init(lower: .unbounded, upper: .excluded(range.upperBound))
    }

    /// Whether the value lies within.
    public func contains(_ value: Bound) -> Bool {
        guard !isEmpty else { return false }
        let isAbove =
            switch lower {
            case .included(let bound): bound <= value
            case .excluded(let bound): bound < value
            case .unbounded: true
            }
        let isBelow =
            switch upper {
            case .included(let bound): value <= bound
            case .excluded(let bound): value < bound
            case .unbounded: true
            }
        return isAbove && isBelow
    }
}

extension PostgresRange.Endpoint: Equatable where Bound: Equatable {}
extension PostgresRange.Endpoint: Hashable where Bound: Hashable {}
extension PostgresRange: Equatable where Bound: Equatable {}
extension PostgresRange: Hashable where Bound: Hashable {}

extension PostgresRange: CustomStringConvertible where Bound: CustomStringConvertible {
    /// The range as the server prints it where the bounds are described as it prints them: `[1,4)`, `(,)`, `empty`.
    public var description: String {
        guard !isEmpty else { return "empty" }
        let start =
            switch lower {
            case .included(let bound): "[" + Self.text(bound)
            case .excluded(let bound): "(" + Self.text(bound)
            case .unbounded: "("
            }
        let end =
            switch upper {
            case .included(let bound): Self.text(bound) + "]"
            case .excluded(let bound): Self.text(bound) + ")"
            case .unbounded: ")"
            }
        return "\(start),\(end)"
    }

    /// Quoted where there is a space, as in timestamps; no built-in bound holds other characters that need it.
    private static func text(_ bound: Bound) -> String {
        let text = bound.description
        return text.contains(" ") ? "\"\(text)\"" : text
    }
}

extension PostgresRange: PostgresCodable {
    /// The marks of the binary form.
    private struct Flags: OptionSet {
        let rawValue: UInt8
        static var empty: Flags { Flags(rawValue: 0x01) }
        static var includesLower: Flags { Flags(rawValue: 0x02) }
        static var includesUpper: Flags { Flags(rawValue: 0x04) }
        static var isUnboundedBelow: Flags { Flags(rawValue: 0x08) }
        static var isUnboundedAbove: Flags { Flags(rawValue: 0x10) }
        static var all: Flags { Flags(rawValue: 0x1F) }
    }

    /// The range type over the bounds' type.
    public static var postgresType: PostgresType { Bound.postgresRangeType }
    /// The array of ``postgresType``.
    public static var postgresArrayType: PostgresType { Bound.postgresRangeArrayType }

    /// Appends the marks and the bounds that there are.
    ///
    /// - Throws: `encodingFailed` when a bound cannot be sent.
    public func encode(to encoder: inout PostgresEncoder) throws(PostgresError) {
        guard !isEmpty else { return encoder.append(Flags.empty.rawValue) }
        var flags: Flags = []
        var bounds: [Bound] = []
        switch lower {
        case .included(let bound):
            flags.insert(.includesLower)
            bounds.append(bound)
        case .excluded(let bound): bounds.append(bound)
        case .unbounded: flags.insert(.isUnboundedBelow)
        }
        switch upper {
        case .included(let bound):
            flags.insert(.includesUpper)
            bounds.append(bound)
        case .excluded(let bound): bounds.append(bound)
        case .unbounded: flags.insert(.isUnboundedAbove)
        }
        encoder.append(flags.rawValue)
        for bound in bounds { try encoder.appendField(bound) }
    }

    /// True for range types whose bounds can be read.
    public static func canDecode(_ type: PostgresType) -> Bool {
        type.boundType.map(Bound.canDecode) == true && !type.isMultirange
    }

    /// Reads the range.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> PostgresRange {
        var cursor = ByteCursor("range")
        let flags = Flags(rawValue: try cursor.next(UInt8.self, in: bytes))
        guard flags.isSubset(of: .all) else { throw PostgresError(.decodingFailed, "the range has unknown marks") }
        guard !flags.contains(.empty) else {
            try cursor.expectEnd(of: bytes)
            return .empty
        }
        let boundType = type.boundType ?? Bound.postgresType
        func end(isUnbounded: Bool, isIncluded: Bool) throws(PostgresError) -> Endpoint {
            guard !isUnbounded else { return .unbounded }
            guard let field = try cursor.takeField(of: bytes) else {
                throw PostgresError(.decodingFailed, "the range has a bound that is NULL")
            }
            let bound = try Bound.decode(bytes.extracting(field), type: boundType)
            return isIncluded ? .included(bound) : .excluded(bound)
        }
        let lower = try end(
            isUnbounded: flags.contains(.isUnboundedBelow),
            isIncluded: flags.contains(.includesLower)
        )
        let upper = try end(
            isUnbounded: flags.contains(.isUnboundedAbove),
            isIncluded: flags.contains(.includesUpper)
        )
        try cursor.expectEnd(of: bytes)
        return PostgresRange(lower: lower, upper: upper)
    }
}
