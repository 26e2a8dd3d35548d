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
    public func encode(to encoder: inout PostgresEncoder) throws(PostgresError) {
        try rawValue.encode(to: &encoder)
    }

    /// True for types of the database's own and for text.
    public static func canDecode(_ type: PostgresType) -> Bool { String.canDecode(type) }

    /// Reads the label; an unknown one throws, naming it and those that are known.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> Self {
        // Compared as bytes: a label needs no String, let alone one for each row.
        let known = bytes.withUnsafeBytes { label in
            allCases.first { value in value.rawValue.utf8.elementsEqual(label) }
        }
        if let known { return known }
        let label = try String.decode(bytes, type: type)
        let labels = allCases.map(\.rawValue).joined(separator: ", ")
        throw PostgresError(.decodingFailed, "\"\(label)\" is no label of \(Self.self), which has: \(labels)")
    }
}
