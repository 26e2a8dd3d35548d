extension Array: PostgresEncodable where Element: PostgresEncodable {
    /// The element's array type.
    public static var postgresType: PostgresType { Element.postgresArrayType }
    /// An array of arrays is an array of more dimensions to PostgreSQL; its type is left to the server.
    public static var postgresArrayType: PostgresType { .unknown }

    /// Text when the element's type is only known by name, as an enum's is.
    public static var postgresFormat: PostgresFormat { Element.postgresType == .unknown ? .text : .binary }

    /// Appends the array: binary where the element's type is known, otherwise as text (`{"a","b"}`), since the binary
    /// form names the element's type and an enum's differs between databases.
    public func encode(to encoder: inout PostgresEncoder) throws(PostgresError) {
        if Self.postgresFormat == .text { return try encodeText(to: &encoder) }
        encoder.append(Int32(isEmpty ? 0 : 1))
        let flags = encoder.bytes.count
        encoder.append(Int32(0))
        encoder.append(Element.postgresType.rawValue)
        guard !isEmpty else { return }
        guard let count = Int32(exactly: count) else {
            throw PostgresError(.encodingFailed, "an array of \(count) elements cannot be sent", nothingWasSent: true)
        }
        encoder.append(count)
        encoder.append(Int32(1))
        for element in self {
            let start = encoder.bytes.count
            encoder.append(Int32(-1))
            try element.encode(to: &encoder)
            if encoder.takeNull() {
                encoder.truncate(to: start + 4)
                encoder.replace(at: flags, with: 1)
            } else {
                encoder.replace(at: start, with: Int32(clamping: encoder.bytes.count - start - 4))
            }
        }
    }

    private func encodeText(to encoder: inout PostgresEncoder) throws(PostgresError) {
        encoder.append(UInt8(ascii: "{"))
        for (index, element) in enumerated() {
            if index > 0 { encoder.append(UInt8(ascii: ",")) }
            var own = PostgresEncoder()
            try element.encode(to: &own)
            guard !own.isNull else {
                encoder.append(contentsOf: "NULL".utf8)
                continue
            }
            encoder.append(UInt8(ascii: "\""))
            for byte in own.bytes {
                if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { encoder.append(UInt8(ascii: "\\")) }
                encoder.append(byte)
            }
            encoder.append(UInt8(ascii: "\""))
        }
        encoder.append(UInt8(ascii: "}"))
    }
}

extension Array: PostgresDecodable where Element: PostgresDecodable {
    /// True for each array type: the binary form names the type of its elements, which ``decode(_:type:)`` checks.
    public static func canDecode(_ type: PostgresType) -> Bool {
        switch type {
        case .boolArray, .byteaArray, .int2Array, .int4Array, .int8Array, .textArray, .float8Array, .inetArray,
            .timestamptzArray, .uuidArray:
            true
        default: type.isUserDefined || PostgresType.otherArrays.contains(type.rawValue)
        }
    }

    /// Reads a one-dimensional array; its lower bound is not kept.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> [Element] {
        var cursor = ArrayCursor()
        let dimensions = try cursor.int32(in: bytes)
        _ = try cursor.int32(in: bytes)
        let elementType = PostgresType(rawValue: UInt32(bitPattern: try cursor.int32(in: bytes)))
        guard Element.canDecode(elementType) else {
            throw PostgresError(.decodingFailed, "elements of type \(elementType.rawValue) are no \(Element.self)")
        }
        guard dimensions != 0 else {
            try cursor.expectEnd(of: bytes)
            return []
        }
        guard dimensions == 1 else {
            throw PostgresError(.decodingFailed, "the array has \(dimensions) dimensions, not one")
        }
        let count = try cursor.int32(in: bytes)
        _ = try cursor.int32(in: bytes)
        // Each element takes at least its length: no count from the wire reserves more than the value can hold.
        guard count >= 0, Int(count) <= bytes.byteCount / 4 else {
            throw PostgresError(.decodingFailed, "the array's length does not fit its size")
        }
        var elements: [Element] = []
        elements.reserveCapacity(Int(count))
        for _ in 0..<count {
            let length = try cursor.int32(in: bytes)
            if length == -1 {
                elements.append(try Element.decodeNull())
            } else {
                elements.append(
                    try Element.decode(bytes.extracting(try cursor.take(Int(length), of: bytes)), type: elementType)
                )
            }
        }
        try cursor.expectEnd(of: bytes)
        return elements
    }
}

extension PostgresType {
    /// Further built-in array types whose elements can be read as texts or numbers: name, varchar, bpchar, oid, xid,
    /// float4, cidr, json, "char".
    fileprivate static let otherArrays: Set<UInt32> = [1003, 1015, 1014, 1028, 1011, 1021, 651, 199, 1002]
}

/// A position in the binary form of an array, which never leaves it.
private struct ArrayCursor {
    private var offset = 0

    mutating func int32(in span: RawSpan) throws(PostgresError) -> Int32 {
        span.bigEndian(at: try take(4, of: span).lowerBound)
    }

    mutating func take(_ count: Int, of span: RawSpan) throws(PostgresError) -> Range<Int> {
        guard count >= 0, span.byteCount - offset >= count else {
            throw PostgresError(.decodingFailed, "the array is cut short")
        }
        defer { offset += count }
        return offset..<offset + count
    }

    func expectEnd(of span: RawSpan) throws(PostgresError) {
        guard offset == span.byteCount else {
            throw PostgresError(
                .decodingFailed,
                "the array has \(span.byteCount - offset) bytes after its last element"
            )
        }
    }
}
