/// A Swift enumeration whose raw values are the labels of a PostgreSQL enum type.
///
/// The conformance needs nothing more:
///
/// ```swift
/// enum Phase: String, CaseIterable, PostgresEnum { case expand, contract }
/// ```
/// A label that the type does not know is a decoding error, never a fallback. The type's OID differs between databases,
/// so the server infers it; where it cannot, write a cast: `\(phase)::phase`.
public protocol PostgresEnum: PostgresCodable, RawRepresentable, CaseIterable where RawValue == String {}

extension PostgresEnum {
    /// Left to the server.
    public static var postgresType: PostgresType { .unknown }
    /// Left to the server.
    public static var postgresArrayType: PostgresType { .unknown }

    /// Appends the label.
    @inlinable
    public func encode(to encoder: inout PostgresEncoder) throws(PostgresError) {
        try rawValue.encode(to: &encoder)
    }

    /// True for types of the database's own and for text.
    public static func canDecode(_ type: PostgresType) -> Bool { String.canDecode(type) }

    /// Reads the label; an unknown one throws, naming it and those that are known.
    @inlinable
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> Self {
        // Labels of up to 15 bytes, as nearly all are, are kept within the String: no allocation.
        let label = try String.decode(bytes, type: type)
        if let known = Self(rawValue: label) { return known }
        throw unknownLabel(label)
    }

    @usableFromInline
    static func unknownLabel(_ label: String) -> PostgresError {
        let labels = allCases.map(\.rawValue).joined(separator: ", ")
        return PostgresError(.decodingFailed, "\"\(label)\" is no label of \(Self.self), which has: \(labels)")
    }
}
