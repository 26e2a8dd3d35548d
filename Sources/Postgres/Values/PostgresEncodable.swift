/// A value that can be bound as a parameter.
///
/// Parameters travel in PostgreSQL's binary form, never as part of the SQL text. A type of your own usually encodes
/// itself as one that conforms already:
///
/// ```swift
/// extension SledID: PostgresEncodable {
///     static var postgresType: PostgresType { .uuid }
///     static var postgresArrayType: PostgresType { .uuidArray }
///     func encode(to encoder: inout PostgresEncoder) throws(PostgresError) { try rawValue.encode(to: &encoder) }
/// }
/// ```
public protocol PostgresEncodable: Sendable {
    /// The type that the parameter is sent as; ``PostgresType/unknown`` lets the server infer it, as enums need.
    static var postgresType: PostgresType { get }

    /// The type of an array of these; ``PostgresType/unknown`` lets the server infer it.
    static var postgresArrayType: PostgresType { get }

    /// The type's name as SQL writes it, where it is known by that alone; nil for all others, which is the default.
    ///
    /// Its OID is looked up by the name with the first use; ``postgresType`` is not asked then, and the form is binary.
    static var postgresTypeName: String? { get }

    /// The form that ``encode(to:)`` writes; binary unless a type says otherwise.
    static var postgresFormat: PostgresFormat { get }

    /// Appends the value's binary form, or marks it as NULL.
    ///
    /// - Throws: ``PostgresError`` of code `encodingFailed` when the value cannot be sent.
    func encode(to encoder: inout PostgresEncoder) throws(PostgresError)
}

extension PostgresEncodable {
    /// None: the type is known by its OID, or left to the server.
    @inlinable
    public static var postgresTypeName: String? { nil }

    /// Binary.
    public static var postgresFormat: PostgresFormat { .binary }
}

/// The form in which a value travels.
public enum PostgresFormat: Sendable {
    /// As the server prints and reads it.
    case text
    /// As the type's send and receive functions have it.
    case binary
}

/// Collects the binary form of one parameter.
public struct PostgresEncoder: Sendable {
    private(set) var bytes: [UInt8] = []
    private(set) var isNull = false
    /// Whether fields of a composite are being appended, which have no text form.
    var isWithinComposite = false

    init() {
        bytes.reserveCapacity(128)
    }

    /// Without room, for a place that another is moved to.
    init(empty: Void) {}

    /// Appends an integer in network byte order.
    @inlinable
    public mutating func append<Integer: FixedWidthInteger>(_ integer: Integer) {
        unsafe withUnsafeBytes(of: integer.bigEndian) { unsafe append(raw: $0) }
    }

    @usableFromInline
    mutating func append(raw newBytes: UnsafeRawBufferPointer) {
        unsafe bytes.append(contentsOf: newBytes)
    }

    /// Appends bytes as they are.
    public mutating func append(contentsOf newBytes: some Sequence<UInt8>) {
        bytes.append(contentsOf: newBytes)
    }

    /// Marks the value as NULL; what was appended for it is dropped.
    public mutating func appendNull() {
        isNull = true
    }

    /// Begins the next value; returns whether the one before was NULL.
    mutating func takeNull() -> Bool {
        defer { isNull = false }
        return isNull
    }

    /// Overwrites four bytes, in network byte order.
    mutating func replace(at offset: Int, with length: Int32) {
        for index in 0..<4 {
            bytes[offset + index] = UInt8(truncatingIfNeeded: length >> Int32(24 - 8 * index))
        }
    }

    mutating func truncate(to count: Int) {
        bytes.removeLast(bytes.count - count)
    }
}

extension Optional: PostgresEncodable where Wrapped: PostgresEncodable {
    /// The wrapped type's.
    public static var postgresType: PostgresType { Wrapped.postgresType }
    /// The wrapped type's.
    public static var postgresArrayType: PostgresType { Wrapped.postgresArrayType }
    /// The wrapped type's.
    @inlinable
    public static var postgresTypeName: String? { Wrapped.postgresTypeName }
    /// The wrapped type's.
    public static var postgresFormat: PostgresFormat { Wrapped.postgresFormat }

    /// Appends the wrapped value, or NULL.
    @inlinable
    public func encode(to encoder: inout PostgresEncoder) throws(PostgresError) {
        guard let self else { return encoder.appendNull() }
        try self.encode(to: &encoder)
    }
}
