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
    @inlinable
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
    @usableFromInline
    var bytes: [UInt8] = []
    @usableFromInline
    var isNull = false
    /// Whether fields of a composite are being appended, which have no text form.
    @usableFromInline
    var isWithinComposite = false

    init() {
        bytes.reserveCapacity(128)
    }

    /// Without room, for a place that another is moved to.
    @usableFromInline
    init(empty: Void) {}

    @inlinable
    var byteCount: Int { bytes.count }

    /// Appends an integer in network byte order.
    @inlinable
    public mutating func append<Integer: FixedWidthInteger>(_ integer: Integer) {
        unsafe withUnsafeBytes(of: integer.bigEndian) { unsafe append(raw: $0) }
    }

    /// Takes less than half the time of `append(contentsOf:)`, which asks a sequence of any kind for its elements.
    @inlinable
    mutating func append(raw newBytes: UnsafeRawBufferPointer) {
        guard let source = newBytes.baseAddress else { return }
        bytes.append(addingCapacity: newBytes.count) { span in
            unsafe span.withUnsafeMutableBufferPointer { room, count in
                guard let start = room.baseAddress else { return }
                unsafe UnsafeMutableRawPointer(start + count).copyMemory(from: source, byteCount: newBytes.count)
                count += newBytes.count
            }
        }
    }

    /// Appends bytes as they are.
    public mutating func append(contentsOf newBytes: some Sequence<UInt8>) {
        bytes.append(contentsOf: newBytes)
    }

    /// Marks the value as NULL; what was appended for it is dropped.
    public mutating func appendNull() {
        isNull = true
    }

    /// Appends a value with its length before it, as arrays, ranges and composites hold them.
    ///
    /// - Returns: Whether the value was NULL.
    @inlinable
    @discardableResult
    mutating func appendField(_ value: some PostgresEncodable) throws(PostgresError) -> Bool {
        append(Int32(-1))
        let start = byteCount
        try value.encode(to: &self)
        let wasNull = isNull
        endField(from: start)
        return wasNull
    }

    /// Begins the next value; returns whether the one before was NULL.
    mutating func takeNull() -> Bool {
        defer { isNull = false }
        return isNull
    }

    /// Writes the length of a field before its first byte, where there are four for it: -1 if it is NULL.
    ///
    /// - Returns: false when the field is longer than PostgreSQL allows.
    @inlinable
    @discardableResult
    mutating func endField(from start: Int) -> Bool {
        guard !isNull else {
            isNull = false
            truncate(to: start)
            return true
        }
        let length = byteCount - start
        replace(at: start - 4, with: Int32(truncatingIfNeeded: length))
        return length <= ParameterBuffer.maximumLength
    }

    /// Overwrites four bytes, in network byte order.
    @inlinable
    mutating func replace(at offset: Int, with length: Int32) {
        unsafe bytes.withUnsafeMutableBytes {
            unsafe $0.storeBytes(of: length.bigEndian, toByteOffset: offset, as: Int32.self)
        }
    }

    @usableFromInline
    mutating func truncate(to count: Int) {
        bytes.removeLast(bytes.count - count)
    }
}

extension Optional: PostgresEncodable where Wrapped: PostgresEncodable {
    /// The wrapped type's.
    @inlinable
    public static var postgresType: PostgresType { Wrapped.postgresType }
    /// The wrapped type's.
    @inlinable
    public static var postgresArrayType: PostgresType { Wrapped.postgresArrayType }
    /// The wrapped type's.
    @inlinable
    public static var postgresTypeName: String? { Wrapped.postgresTypeName }
    /// The wrapped type's.
    @inlinable
    public static var postgresFormat: PostgresFormat { Wrapped.postgresFormat }

    /// Appends the wrapped value, or NULL.
    @inlinable
    public func encode(to encoder: inout PostgresEncoder) throws(PostgresError) {
        guard let self else { return encoder.appendNull() }
        try self.encode(to: &encoder)
    }
}
