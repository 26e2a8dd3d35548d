/// A set of ranges: `int4multirange`, `nummultirange`, `datemultirange` and so on.
///
/// The server keeps them in order, joins those that meet or overlap, and drops empty ones.
public struct PostgresMultirange<Bound: PostgresRangeBound>: Sendable {
    /// The ranges.
    public let ranges: [PostgresRange<Bound>]

    /// From ranges in any order.
    public init(_ ranges: [PostgresRange<Bound>]) {
        self.ranges = ranges
    }
}

extension PostgresMultirange: Equatable where Bound: Equatable {}
extension PostgresMultirange: Hashable where Bound: Hashable {}

extension PostgresMultirange: CustomStringConvertible where Bound: CustomStringConvertible {
    /// The ranges as the server prints them: `{[1,4),[6,)}`.
    public var description: String { "{" + ranges.map(\.description).joined(separator: ",") + "}" }
}

extension PostgresMultirange: PostgresCodable {
    /// The multirange type over the bounds' type.
    public static var postgresType: PostgresType { Bound.postgresMultirangeType }
    /// The array of ``postgresType``.
    public static var postgresArrayType: PostgresType { Bound.postgresMultirangeArrayType }

    /// Appends the number of ranges and each of them.
    ///
    /// - Throws: `encodingFailed` when a bound cannot be sent.
    public func encode(to encoder: inout PostgresEncoder) throws(PostgresError) {
        encoder.append(Int32(clamping: ranges.count))
        for range in ranges { try encoder.appendField(range) }
    }

    /// True for multirange types whose bounds can be read.
    public static func canDecode(_ type: PostgresType) -> Bool {
        type.boundType.map(Bound.canDecode) == true && type.isMultirange
    }

    /// Reads the ranges.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> PostgresMultirange {
        var cursor = ByteCursor("multirange")
        let count = Int(try cursor.next(Int32.self, in: bytes))
        // Each range takes at least its length: no count from the wire reserves more than the value can hold.
        guard count >= 0, count <= bytes.byteCount / 4 else {
            throw PostgresError(.decodingFailed, "the multirange's length does not fit its size")
        }
        var ranges: [PostgresRange<Bound>] = []
        ranges.reserveCapacity(count)
        for _ in 0..<count {
            guard let field = try cursor.takeField(of: bytes) else {
                throw PostgresError(.decodingFailed, "the multirange has a range that is NULL")
            }
            ranges.append(try PostgresRange.decode(bytes.extracting(field), type: type))
        }
        try cursor.expectEnd(of: bytes)
        return PostgresMultirange(ranges)
    }
}

extension PostgresType {
    var isMultirange: Bool {
        switch self {
        case .int4Multirange, .int8Multirange, .numericMultirange, .dateMultirange, .timestampMultirange,
            .timestamptzMultirange:
            true
        default: false
        }
    }
}
