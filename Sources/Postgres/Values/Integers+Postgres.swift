extension FixedWidthInteger {
    /// Reads a signed integer of any of PostgreSQL's widths, refusing what does not fit.
    @inline(__always)
    static func decodeInteger(_ bytes: RawSpan) throws(PostgresError) -> Self {
        let value: Int64
        switch bytes.byteCount {
        case 8: value = bytes.bigEndian()
        case 4: value = Int64(bytes.bigEndian(as: Int32.self))
        case 2: value = Int64(bytes.bigEndian(as: Int16.self))
        default: throw PostgresError(.decodingFailed, "an integer takes 2, 4 or 8 bytes, not \(bytes.byteCount)")
        }
        guard let fitting = Self(exactly: value) else {
            throw PostgresError(.decodingFailed, "the value does not fit \(Self.self), \(Self.min)…\(Self.max)")
        }
        return fitting
    }
}

extension Int16: PostgresCodable {
    /// `smallint`.
    public static var postgresType: PostgresType { .int2 }
    /// `smallint[]`.
    public static var postgresArrayType: PostgresType { .int2Array }
    /// Appends the value.
    public func encode(to encoder: inout PostgresEncoder) { encoder.append(self) }
    /// True for `smallint`.
    public static func canDecode(_ type: PostgresType) -> Bool { type == .int2 }
    /// Reads the value.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> Int16 {
        try decodeInteger(bytes)
    }
}

extension Int32: PostgresCodable {
    /// `integer`.
    public static var postgresType: PostgresType { .int4 }
    /// `integer[]`.
    public static var postgresArrayType: PostgresType { .int4Array }
    /// Appends the value.
    public func encode(to encoder: inout PostgresEncoder) { encoder.append(self) }
    /// True for `integer` and `smallint`.
    public static func canDecode(_ type: PostgresType) -> Bool { type == .int4 || type == .int2 }
    /// Reads the value.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> Int32 {
        try decodeInteger(bytes)
    }
}

extension Int64: PostgresCodable {
    /// `bigint`.
    public static var postgresType: PostgresType { .int8 }
    /// `bigint[]`.
    public static var postgresArrayType: PostgresType { .int8Array }
    /// Appends the value.
    public func encode(to encoder: inout PostgresEncoder) { encoder.append(self) }
    /// True for `bigint`, `integer` and `smallint`.
    public static func canDecode(_ type: PostgresType) -> Bool { type == .int8 || type == .int4 || type == .int2 }
    /// Reads the value.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> Int64 {
        try decodeInteger(bytes)
    }
}

extension Int: PostgresCodable {
    /// `bigint`.
    public static var postgresType: PostgresType { .int8 }
    /// `bigint[]`.
    public static var postgresArrayType: PostgresType { .int8Array }
    /// Appends the value as 64 bits.
    public func encode(to encoder: inout PostgresEncoder) { encoder.append(Int64(self)) }
    /// True for `bigint`, `integer` and `smallint`.
    public static func canDecode(_ type: PostgresType) -> Bool { Int64.canDecode(type) }
    /// Reads the value.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> Int {
        try decodeInteger(bytes)
    }
}

extension UInt32: PostgresCodable {
    /// `oid`.
    public static var postgresType: PostgresType { .oid }
    /// `oid[]`.
    public static var postgresArrayType: PostgresType { .oidArray }
    /// Appends the value.
    public func encode(to encoder: inout PostgresEncoder) { encoder.append(self) }
    /// True for `oid` and `xid`.
    public static func canDecode(_ type: PostgresType) -> Bool { type == .oid || type == .xid }
    /// Reads the value.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> UInt32 {
        try bytes.expect(byteCount: 4, for: "oid")
        return bytes.bigEndian()
    }
}

extension UInt64: PostgresCodable {
    /// `xid8`, a transaction number.
    public static var postgresType: PostgresType { .xid8 }
    /// `xid8[]`.
    public static var postgresArrayType: PostgresType { .xid8Array }
    /// Appends the value.
    public func encode(to encoder: inout PostgresEncoder) { encoder.append(self) }
    /// True for `xid8`.
    public static func canDecode(_ type: PostgresType) -> Bool { type == .xid8 }
    /// Reads the value.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> UInt64 {
        try bytes.expect(byteCount: 8, for: "xid8")
        return bytes.bigEndian()
    }
}
