/// The forms in which arrays travel, shared by `[Element]` and ``PostgresArray``.
@usableFromInline
enum ArrayForm {
    @usableFromInline
    typealias Dimension = (count: Int32, lowerBound: Int32)

    /// Inlined where the elements' type is known, so that encoding is specialised for it.
    @inlinable
    static func encode<Element: PostgresEncodable>(
        _ elements: [Element],
        dimensions: [Dimension],
        to encoder: inout PostgresEncoder
    ) throws(PostgresError) {
        if [Element].postgresFormat == .text, !encoder.isWithinComposite {
            return try encodeText(elements, dimensions: dimensions, to: &encoder)
        }
        encoder.append(Int32(clamping: dimensions.count))
        let flags = encoder.byteCount
        encoder.append(Int32(0))
        encoder.append(Element.postgresType.rawValue)
        for dimension in dimensions {
            encoder.append(dimension.count)
            encoder.append(dimension.lowerBound)
        }
        for element in elements where try encoder.appendField(element) {
            encoder.replace(at: flags, with: 1)
        }
    }

    /// `[0:1][1:2]={{"a","b"},{"c",NULL}}`; the bounds are written only when the array does not count from 1.
    @usableFromInline
    static func encodeText<Element: PostgresEncodable>(
        _ elements: [Element],
        dimensions: [Dimension],
        to encoder: inout PostgresEncoder
    ) throws(PostgresError) {
        guard !dimensions.isEmpty else { return encoder.append(contentsOf: "{}".utf8) }
        if dimensions.contains(where: { $0.lowerBound != 1 }) {
            for (count, lowerBound) in dimensions {
                encoder.append(contentsOf: "[\(lowerBound):\(Int64(lowerBound) + Int64(count) - 1)]".utf8)
            }
            encoder.append(UInt8(ascii: "="))
        }
        // How many elements a brace encloses, for each dimension.
        var spans: [Int] = []
        for dimension in dimensions.reversed() { spans.append(Int(dimension.count) * (spans.last ?? 1)) }
        for (index, element) in elements.enumerated() {
            if index > 0 { encoder.append(UInt8(ascii: ",")) }
            for span in spans where index.isMultiple(of: span) { encoder.append(UInt8(ascii: "{")) }
            try encodeQuoted(element, to: &encoder)
            for span in spans where (index + 1).isMultiple(of: span) { encoder.append(UInt8(ascii: "}")) }
        }
    }

    private static func encodeQuoted(
        _ element: some PostgresEncodable,
        to encoder: inout PostgresEncoder
    ) throws(PostgresError) {
        var own = PostgresEncoder()
        try element.encode(to: &own)
        guard !own.isNull else { return encoder.append(contentsOf: "NULL".utf8) }
        encoder.append(UInt8(ascii: "\""))
        for byte in own.bytes {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { encoder.append(UInt8(ascii: "\\")) }
            encoder.append(byte)
        }
        encoder.append(UInt8(ascii: "\""))
    }

    /// Reads the binary form.
    ///
    /// - Throws: `decodingFailed`; also for more dimensions than the caller can hold.
    static func decode<Element: PostgresDecodable>(
        _ bytes: RawSpan,
        as _: Element.Type,
        maximumDimensions: Int
    ) throws(PostgresError) -> (elements: [Element], dimensions: [Dimension]) {
        var cursor = ByteCursor("array")
        let dimensionCount = Int(try cursor.next(Int32.self, in: bytes))
        _ = try cursor.next(Int32.self, in: bytes)
        let elementType = PostgresType(rawValue: try cursor.next(UInt32.self, in: bytes))
        guard Element.canDecode(elementType) else {
            throw PostgresError(.decodingFailed, "elements of type \(elementType) are no \(Element.self)")
        }
        guard (0...maximumDimensions).contains(dimensionCount) else {
            let limit = maximumDimensions == 1 ? "one" : "\(maximumDimensions) at most"
            throw PostgresError(.decodingFailed, "the array has \(dimensionCount) dimensions, not \(limit)")
        }
        let dimensions = try takeDimensions(dimensionCount, of: bytes, &cursor)
        let count = try elementCount(dimensions, in: bytes)
        var elements: [Element] = []
        elements.reserveCapacity(count)
        for _ in 0..<count {
            if let field = try cursor.takeField(of: bytes) {
                elements.append(try Element.decode(bytes.extracting(field), type: elementType))
            } else {
                elements.append(try Element.decodeNull())
            }
        }
        try cursor.expectEnd(of: bytes)
        return (elements, dimensions)
    }

    private static func takeDimensions(
        _ count: Int,
        of bytes: RawSpan,
        _ cursor: inout ByteCursor
    ) throws(PostgresError) -> [Dimension] {
        var dimensions: [Dimension] = []
        for _ in 0..<count {
            let length = try cursor.next(Int32.self, in: bytes)
            dimensions.append((length, try cursor.next(Int32.self, in: bytes)))
        }
        return dimensions
    }

    /// Each element takes at least its length: no count from the wire reserves more than the value can hold.
    private static func elementCount(_ dimensions: [Dimension], in bytes: RawSpan) throws(PostgresError) -> Int {
        var count = dimensions.isEmpty ? 0 : 1
        for dimension in dimensions {
            let (product, overflow) = count.multipliedReportingOverflow(by: Int(dimension.count))
            guard !overflow, dimension.count >= 0, product <= bytes.byteCount / 4 else {
                throw PostgresError(.decodingFailed, "the array's length does not fit its size")
            }
            count = product
        }
        return count
    }
}
