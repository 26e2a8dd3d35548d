/// A type that is read from a composite type (a row type), field by field in the order of its definition.
///
/// ```swift
/// // CREATE TYPE disk AS (name text, bytes bigint)
/// struct Disk: PostgresComposite {
///     let name: String
///     let bytes: Int64?
///
///     init(from fields: inout PostgresCompositeFields) throws(PostgresError) {
///         name = try fields.next()
///         bytes = try fields.next()
///     }
/// }
/// let disks = try row.decode("disks", as: [Disk].self)
/// ```
/// The binary form names the type of each field, which is checked, but not its name. To send one, see
/// ``PostgresCompositeEncodable``.
public protocol PostgresComposite: PostgresDecodable {
    /// Reads the fields, in order.
    ///
    /// Fields at the end that are not read are ignored: a newer release may have added them.
    ///
    /// - Throws: ``PostgresError`` of code `decodingFailed`, naming the field by its number.
    init(from fields: inout PostgresCompositeFields) throws(PostgresError)
}

extension PostgresComposite {
    /// True for types of the database's own and for `record`.
    public static func canDecode(_ type: PostgresType) -> Bool { type.isUserDefined || type == .record }

    /// Reads the fields.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> Self {
        var fields = try PostgresCompositeFields(bytes)
        return try Self(from: &fields)
    }
}

/// The fields of one composite value, read from the first to the last.
public struct PostgresCompositeFields: Sendable {
    private let bytes: [UInt8]
    private let fields: [(type: PostgresType, range: Range<Int>?)]
    private var taken = 0

    init(_ span: RawSpan) throws(PostgresError) {
        var cursor = ByteCursor("composite")
        let count = Int(try cursor.next(Int32.self, in: span))
        // Each field takes at least its type and its length.
        guard count >= 0, count <= span.byteCount / 8 else {
            throw PostgresError(.decodingFailed, "the composite's number of fields does not fit its size")
        }
        var fields: [(PostgresType, Range<Int>?)] = []
        for _ in 0..<count {
            let type = PostgresType(rawValue: try cursor.next(UInt32.self, in: span))
            fields.append((type, try cursor.takeField(of: span)))
        }
        try cursor.expectEnd(of: span)
        self.fields = fields
        bytes = unsafe span.withUnsafeBytes { unsafe [UInt8]($0) }
    }

    /// How many fields have not been read.
    public var remaining: Int { fields.count - taken }

    /// Reads the next field.
    ///
    /// - Throws: ``PostgresError`` of code `decodingFailed`, naming the field by its number from 1: there is none, it has
    ///   another type, it is NULL, or the value is out of range.
    public mutating func next<Value: PostgresDecodable>(
        as _: Value.Type = Value.self
    ) throws(PostgresError) -> Value {
        guard taken < fields.count else {
            throw PostgresError(.decodingFailed, "the composite has only \(fields.count) fields")
        }
        let (type, range) = fields[taken]
        taken += 1
        do throws(PostgresError) {
            guard Value.canDecode(type) else {
                throw PostgresError(.decodingFailed, "has type \(type), which cannot be read as \(Value.self)")
            }
            guard let range else { return try Value.decodeNull() }
            return unsafe try Value.decode(bytes.span.bytes.extracting(range), type: type)
        } catch {
            var located = error
            located.message = "field \(taken): \(error.message)"
            throw located
        }
    }
}
