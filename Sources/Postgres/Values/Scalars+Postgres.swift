public import Foundation

extension Bool: PostgresCodable {
    /// `boolean`.
    public static var postgresType: PostgresType { .bool }
    /// `boolean[]`.
    public static var postgresArrayType: PostgresType { .boolArray }
    /// Appends the value.
    public func encode(to encoder: inout PostgresEncoder) { encoder.append(UInt8(self ? 1 : 0)) }
    /// True for `boolean`.
    public static func canDecode(_ type: PostgresType) -> Bool { type == .bool }
    /// Reads the value.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> Bool {
        try bytes.expect(byteCount: 1, for: "boolean")
        return bytes.bigEndian(as: UInt8.self) != 0
    }
}

extension Double: PostgresCodable {
    /// `double precision`.
    public static var postgresType: PostgresType { .float8 }
    /// `double precision[]`.
    public static var postgresArrayType: PostgresType { .float8Array }
    /// Appends the value.
    public func encode(to encoder: inout PostgresEncoder) { encoder.append(bitPattern) }
    /// True for `double precision` and `real`.
    public static func canDecode(_ type: PostgresType) -> Bool { type == .float8 || type == .float4 }
    /// Reads the value.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> Double {
        if type == .float4 {
            try bytes.expect(byteCount: 4, for: "real")
            return Double(Float(bitPattern: bytes.bigEndian()))
        }
        try bytes.expect(byteCount: 8, for: "double precision")
        return Double(bitPattern: bytes.bigEndian())
    }
}

extension Float: PostgresCodable {
    /// `real`.
    public static var postgresType: PostgresType { .float4 }
    /// `real[]`.
    public static var postgresArrayType: PostgresType { .float4Array }
    /// Appends the value.
    public func encode(to encoder: inout PostgresEncoder) { encoder.append(bitPattern) }
    /// True for `real`; `double precision` is read as `Double`.
    public static func canDecode(_ type: PostgresType) -> Bool { type == .float4 }
    /// Reads the value.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> Float {
        try bytes.expect(byteCount: 4, for: "real")
        return Float(bitPattern: bytes.bigEndian())
    }
}

extension String: PostgresCodable {
    /// `text`.
    public static var postgresType: PostgresType { .text }
    /// `text[]`.
    public static var postgresArrayType: PostgresType { .textArray }

    /// Appends the text as UTF-8.
    ///
    /// - Throws: `encodingFailed` when the text holds a NUL character, which PostgreSQL cannot store.
    public func encode(to encoder: inout PostgresEncoder) throws(PostgresError) {
        guard !hasNUL else {
            throw PostgresError(.encodingFailed, "a text with a NUL character cannot be stored", nothingWasSent: true)
        }
        encoder.append(contentsOf: utf8)
    }

    /// True for text types and for types of the database's own (the label of an enum).
    public static func canDecode(_ type: PostgresType) -> Bool {
        switch type {
        case .text, .varchar, .bpchar, .name, .char, .unknownLiteral, .json: true
        default: type.isUserDefined
        }
    }

    /// Reads the text.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> String {
        // Not String(validating:as:): that looks its generic types up at run time, which takes longer than a label does.
        try unsafe bytes.withUnsafeBytes { bytes throws(PostgresError) in
            let utf8: UTF8Span
            do throws(UTF8.ValidationError) {
                utf8 = try UTF8Span(validating: unsafe Span(_unsafeBytes: bytes))
            } catch {
                throw PostgresError(.decodingFailed, "the text is not valid UTF-8")
            }
            return String(copying: utf8)
        }
    }
}

extension Data: PostgresCodable {
    /// `bytea`.
    public static var postgresType: PostgresType { .bytea }
    /// `bytea[]`.
    public static var postgresArrayType: PostgresType { .byteaArray }
    /// Appends the bytes.
    public func encode(to encoder: inout PostgresEncoder) { encoder.append(contentsOf: self) }
    /// True for `bytea`.
    public static func canDecode(_ type: PostgresType) -> Bool { type == .bytea }
    /// Reads the bytes.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> Data {
        unsafe bytes.withUnsafeBytes { unsafe Data($0) }
    }
}

extension UUID: PostgresCodable {
    /// `uuid`.
    public static var postgresType: PostgresType { .uuid }
    /// `uuid[]`.
    public static var postgresArrayType: PostgresType { .uuidArray }

    /// Appends the 16 bytes.
    public func encode(to encoder: inout PostgresEncoder) {
        unsafe withUnsafeBytes(of: uuid) { unsafe encoder.append(contentsOf: $0) }
    }

    /// True for `uuid`.
    public static func canDecode(_ type: PostgresType) -> Bool { type == .uuid }

    /// Reads the 16 bytes.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> UUID {
        try bytes.expect(byteCount: 16, for: "uuid")
        return unsafe UUID(uuid: bytes.unsafeLoadUnaligned(as: uuid_t.self))
    }
}
