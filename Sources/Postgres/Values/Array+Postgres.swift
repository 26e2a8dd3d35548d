extension Array: PostgresEncodable where Element: PostgresEncodable {
    /// The element's array type.
    @inlinable
    public static var postgresType: PostgresType { Element.postgresArrayType }
    /// There are no arrays of arrays, only arrays of more dimensions: see ``PostgresArray``.
    @inlinable
    public static var postgresArrayType: PostgresType { .unknown }

    /// The element's with brackets.
    @inlinable
    public static var postgresTypeName: String? { Element.postgresTypeName.map { $0 + "[]" } }

    /// Text when the element's type is left to the server, as an enum's is.
    @inlinable
    public static var postgresFormat: PostgresFormat {
        Element.postgresType == .unknown && Element.postgresTypeName == nil ? .text : .binary
    }

    /// Appends the array: binary where the element's type is known, otherwise as text (`{"a","b"}`), since the binary
    /// form names the element's type and an enum's differs between databases.
    @inlinable
    public func encode(to encoder: inout PostgresEncoder) throws(PostgresError) {
        guard let length = Int32(exactly: count) else {
            throw PostgresError(.encodingFailed, "an array of \(count) elements cannot be sent", nothingWasSent: true)
        }
        let dimension: ArrayForm.Dimension = (count: length, lowerBound: 1)
        try ArrayForm.encode(self, dimensions: isEmpty ? [] : [dimension], to: &encoder)
    }
}

extension Array: PostgresDecodable where Element: PostgresDecodable {
    /// True for arrays of what the element can be read from, and for types of the database's own: the binary form names
    /// the type of its elements, which ``decode(_:type:)`` checks.
    public static func canDecode(_ type: PostgresType) -> Bool {
        type.elementType.map(Element.canDecode) ?? type.isUserDefined
    }

    /// Reads a one-dimensional array; its lower bound is not kept.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> [Element] {
        try ArrayForm.decode(bytes, as: Element.self, maximumDimensions: 1).elements
    }
}
