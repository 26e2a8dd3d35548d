/// A type that a column's value can be read as.
public protocol PostgresDecodable: Sendable {
    /// Whether values of this PostgreSQL type can be read; asked once for each column of a result, not for each row.
    static func canDecode(_ type: PostgresType) -> Bool

    /// Reads a value from its binary form.
    ///
    /// - Throws: ``PostgresError`` of code `decodingFailed` when the bytes are no value of that type, or one that does
    ///   not fit. The caller adds the column and row.
    static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> Self

    /// Reads NULL. Only optionals can: other types throw, which is what the default does.
    static func decodeNull() throws(PostgresError) -> Self
}

extension PostgresDecodable {
    /// Throws: the type has no value for NULL.
    public static func decodeNull() throws(PostgresError) -> Self {
        throw PostgresError(.decodingFailed, "the value is NULL, which \(Self.self) cannot hold")
    }
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
    /// The wrapped type's answer.
    public static func canDecode(_ type: PostgresType) -> Bool { Wrapped.canDecode(type) }

    /// Reads the wrapped value.
    @inlinable
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> Wrapped? {
        try Wrapped.decode(bytes, type: type)
    }

    /// Reads NULL as nil.
    @inlinable
    public static func decodeNull() throws(PostgresError) -> Wrapped? { nil }
}

/// A type that can be bound and read.
public typealias PostgresCodable = PostgresEncodable & PostgresDecodable

/// Reads one value, telling NULL by the missing bytes.
@inlinable
@inline(__always)
func decodeValue<Value: PostgresDecodable>(
    _ bytes: UnsafeRawBufferPointer?,
    as _: Value.Type,
    type: PostgresType
) throws(PostgresError) -> Value {
    guard let bytes = unsafe bytes else { return try Value.decodeNull() }
    return try unsafe Value.decode(bytes.bytes, type: type)
}

extension RawSpan {
    /// An integer in network byte order.
    ///
    /// The caller has checked the length.
    @inline(__always)
    func bigEndian<Integer: FixedWidthInteger & BitwiseCopyable>(at offset: Int = 0, as _: Integer.Type = Integer.self)
        -> Integer
    {
        unsafe Integer(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: Integer.self))
    }

    func expect(byteCount: Int, for type: String) throws(PostgresError) {
        guard self.byteCount == byteCount else {
            throw PostgresError(.decodingFailed, "\(type) takes \(byteCount) bytes, the value has \(self.byteCount)")
        }
    }
}
