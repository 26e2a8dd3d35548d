/// A type that is sent as a value of a composite type (a row type), field by field in the order of its definition.
///
/// ```swift
/// // CREATE TYPE disk AS (name text, bytes bigint)
/// extension Disk: PostgresCompositeEncodable {
///     static var compositeName: String { "disk" }
///
///     func encode(to fields: inout PostgresCompositeWriter) throws(PostgresError) {
///         try fields.append(name)
///         try fields.append(bytes)
///     }
/// }
/// try await connection.query("INSERT INTO sled (id, disks) VALUES (\(id), \([first, second]))")
/// ```
/// The binary form holds the OIDs of the type and of its fields, which differ between databases: the first use on a
/// connection, or on any of a pool's, looks them up by ``compositeName``. Composites within composites, arrays of them
/// and enums are taken care of. What does not fit the type is an error before the statement is sent, and a type that
/// was made anew underneath is looked up again, once, outside a transaction.
public protocol PostgresCompositeEncodable: PostgresEncodable {
    /// The type's name as SQL writes it: with a schema, or else along the connection's `search_path`.
    static var compositeName: String { get }

    /// Appends the fields, in order; all of them.
    ///
    /// - Throws: ``PostgresError`` of code `encodingFailed` when a field cannot be sent.
    func encode(to fields: inout PostgresCompositeWriter) throws(PostgresError)
}

extension PostgresCompositeEncodable {
    /// Known by name only.
    public static var postgresType: PostgresType { .unknown }
    /// Known by name only.
    public static var postgresArrayType: PostgresType { .unknown }
    /// The ``compositeName``.
    public static var postgresTypeName: String? { compositeName }

    /// Appends the fields.
    public func encode(to encoder: inout PostgresEncoder) throws(PostgresError) {
        let start = encoder.bytes.count
        encoder.append(Int32(0))
        // Moved there and back: a copy would be made with the first byte.
        var writer = PostgresCompositeWriter()
        swap(&writer.encoder, &encoder)
        let isWithinAnother = writer.encoder.isWithinComposite
        writer.encoder.isWithinComposite = true
        defer {
            writer.encoder.isWithinComposite = isWithinAnother
            swap(&writer.encoder, &encoder)
        }
        try encode(to: &writer)
        writer.encoder.replace(at: start, with: Int32(clamping: writer.count))
    }
}

/// Takes the fields of a composite value; see ``PostgresCompositeEncodable``.
public struct PostgresCompositeWriter: Sendable {
    var encoder = PostgresEncoder(empty: ())
    private(set) var count = 0

    /// Appends the next field.
    ///
    /// - Throws: ``PostgresError`` of code `encodingFailed`, naming the field by its number from 1.
    public mutating func append<Value: PostgresEncodable>(_ value: Value) throws(PostgresError) {
        count += 1
        // What the value calls itself; the session puts the field's own type there once it knows it.
        encoder.append(Value.postgresType.rawValue)
        do throws(PostgresError) {
            try encoder.appendField(value)
        } catch {
            var located = error
            located.message = "field \(count): \(error.message)"
            throw located
        }
    }
}

/// Puts a database's OIDs into the binary form of values whose types are known by name.
///
/// Goes by the form alone: a composite and an array say where their parts begin and end.
struct TypeResolver {
    let types: [PostgresType: PostgresTypeInfo]
    var encoder: PostgresEncoder

    /// Resolves the value that takes up `range` as one of `type`.
    ///
    /// - Throws: `encodingFailed` when it does not fit the type, or is not in the binary form.
    mutating func resolve(_ range: Range<Int>, as type: PostgresType) throws(PostgresError) {
        guard let info = types[type] else {
            throw PostgresError(.encodingFailed, "a value of type \(type) was expected")
        }
        if let base = info.baseType { return try resolve(range, as: base) }
        if info.kind == .composite { return try resolveComposite(range, info) }
        if let element = info.elementType { try resolveArray(range, info, of: element) }
    }

    private mutating func resolveComposite(_ range: Range<Int>, _ info: PostgresTypeInfo) throws(PostgresError) {
        var position = range.lowerBound
        let count = Int(try next(&position, in: range, info))
        guard count == info.fields.count else {
            throw PostgresError(
                .encodingFailed,
                "\(info.sqlName) has \(info.fields.count) fields, and \(count) were given"
            )
        }
        for field in info.fields {
            try claim(at: position, as: field.type, info) { "field \"\(field.name)\" of \(info.sqlName)" }
            position += 4
            try resolvePart(&position, in: range, info, as: field.type)
        }
    }

    private mutating func resolveArray(
        _ range: Range<Int>,
        _ info: PostgresTypeInfo,
        of element: PostgresType
    ) throws(PostgresError) {
        var position = range.lowerBound
        let dimensions = Int(try next(&position, in: range, info))
        guard (0...6).contains(dimensions), range.upperBound - position >= 8 + 8 * dimensions else {
            throw malformed(info)
        }
        position += 4
        try claim(at: position, as: element, info) { "the elements of \(info.sqlName)" }
        position += 4 + 8 * dimensions
        while position < range.upperBound { try resolvePart(&position, in: range, info, as: element) }
    }

    /// A part with its length before it.
    private mutating func resolvePart(
        _ position: inout Int,
        in range: Range<Int>,
        _ info: PostgresTypeInfo,
        as type: PostgresType
    ) throws(PostgresError) {
        let length = Int(try next(&position, in: range, info))
        guard length >= 0 else { return }
        guard range.upperBound - position >= length else { throw malformed(info) }
        try resolve(position..<position + length, as: type)
        position += length
    }

    /// Overwrites the type that a part calls itself with the one that it has to have.
    private mutating func claim(
        at position: Int,
        as type: PostgresType,
        _ info: PostgresTypeInfo,
        _ subject: () -> String
    ) throws(PostgresError) {
        guard let number = number(at: position) else { throw malformed(info) }
        let given = PostgresType(rawValue: number)
        guard accepts(given, as: type) else {
            let given = given == .unknown ? "a value of another type" : given.description
            let names = (types[type]?.sqlName ?? type.description, given)
            throw PostgresError(.encodingFailed, "\(subject()) is of type \(names.0), and \(names.1) was given")
        }
        encoder.replace(at: position, with: Int32(bitPattern: type.rawValue))
    }

    private func accepts(_ given: PostgresType, as type: PostgresType) -> Bool {
        if given == type { return true }
        guard let info = types[type] else { return false }
        if let base = info.baseType { return accepts(given, as: base) }
        if given == .text { return info.isTextual }
        return given == .unknown && (info.isTextual || info.kind == .composite || info.elementType != nil)
    }

    private func next(_ position: inout Int, in range: Range<Int>, _ info: PostgresTypeInfo) throws(PostgresError)
        -> Int32
    {
        guard range.upperBound - position >= 4, let number = number(at: position) else { throw malformed(info) }
        position += 4
        return Int32(bitPattern: number)
    }

    private func number(at position: Int) -> UInt32? {
        guard position >= 0, position <= encoder.bytes.count - 4 else { return nil }
        return encoder.bytes[position..<position + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    private func malformed(_ info: PostgresTypeInfo) -> PostgresError {
        PostgresError(.encodingFailed, "the value is not in the binary form of \(info.sqlName)")
    }
}
