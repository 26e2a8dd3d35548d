/// An array of any number of dimensions, up to the server's six, with its lower bounds.
///
/// For arrays of one dimension that count from 1, which most are, Swift's own `[Element]` is simpler. Elements that
/// may be NULL are optionals.
///
/// ```swift
/// let matrix = PostgresArray(rows: [[1, 2, 3], [4, 5, 6]])
/// let grid = try row.decode("grid", as: PostgresArray<Int?>.self)
/// ```
public struct PostgresArray<Element: Sendable>: Sendable {
    /// One dimension.
    public struct Dimension: Sendable, Hashable {
        /// How many elements it has; more than 0.
        public let count: Int32
        /// The index of its first element; 1 unless somebody wanted another.
        public let lowerBound: Int32

        /// A dimension; whether it makes sense is checked by the array.
        public init(count: Int32, lowerBound: Int32 = 1) {
            self.count = count
            self.lowerBound = lowerBound
        }

        /// The index of the last element, as the server counts.
        var upperBound: Int64 { Int64(lowerBound) + Int64(count) - 1 }
    }

    /// The dimensions, the outermost first; an empty array has none.
    public let dimensions: [Dimension]
    /// All elements, the last dimension's next to each other.
    public let elements: [Element]

    /// The server's limit.
    static var maximumDimensions: Int { 6 }

    /// From elements and dimensions; nil when they do not fit each other, or the server's limits.
    ///
    /// A dimension has elements, and indices that fit 32 bits; there are six dimensions at most, and none for no
    /// elements.
    public init?(_ elements: [Element], dimensions: [Dimension]) {
        var count = dimensions.isEmpty ? 0 : 1
        for dimension in dimensions {
            let (product, overflow) = count.multipliedReportingOverflow(by: Int(dimension.count))
            // One less than the largest, so that the index behind the last fits too.
            guard !overflow, dimension.count > 0, dimension.upperBound < Int64(Int32.max) else { return nil }
            count = product
        }
        guard dimensions.count <= Self.maximumDimensions, count == elements.count else { return nil }
        self.elements = elements
        self.dimensions = dimensions
    }

    /// An array of two dimensions; nil when the rows have different lengths.
    ///
    /// No rows, and rows without elements, make an empty array.
    public init?(rows: [[Element]]) {
        let width = rows.first?.count ?? 0
        guard rows.allSatisfy({ $0.count == width }), let height = Int32(exactly: rows.count),
            let width = Int32(exactly: width)
        else { return nil }
        let dimensions = width == 0 ? [] : [Dimension(count: height), Dimension(count: width)]
        self.init(rows.flatMap(\.self), dimensions: dimensions)
    }

    /// The rows of an array of two dimensions, none of an empty one; nil for other numbers of dimensions.
    public var rows: [[Element]]? {
        guard !dimensions.isEmpty else { return [] }
        guard dimensions.count == 2 else { return nil }
        let width = Int(dimensions[1].count)
        return stride(from: 0, to: elements.count, by: width).map { Array(elements[$0..<$0 + width]) }
    }

    /// The element at the indices, which count from the lower bounds as the server's do; nil outside.
    public subscript(indices: Int...) -> Element? {
        guard indices.count == dimensions.count, !indices.isEmpty else { return nil }
        var position = 0
        for (index, dimension) in zip(indices, dimensions) {
            guard index >= Int(dimension.lowerBound), Int64(index) <= dimension.upperBound else { return nil }
            position = position * Int(dimension.count) + (index - Int(dimension.lowerBound))
        }
        return elements[position]
    }
}

extension PostgresArray: Equatable where Element: Equatable {}
extension PostgresArray: Hashable where Element: Hashable {}

extension PostgresArray: PostgresEncodable where Element: PostgresEncodable {
    /// The element's array type.
    public static var postgresType: PostgresType { Element.postgresArrayType }
    /// There are no arrays of arrays.
    public static var postgresArrayType: PostgresType { .unknown }
    /// The element's with brackets.
    public static var postgresTypeName: String? { [Element].postgresTypeName }
    /// Text when the element's type is left to the server, as an enum's is.
    public static var postgresFormat: PostgresFormat { [Element].postgresFormat }

    /// Appends the array: binary where the element's type is known, otherwise as text.
    public func encode(to encoder: inout PostgresEncoder) throws(PostgresError) {
        try ArrayForm.encode(elements, dimensions: dimensions.map { ($0.count, $0.lowerBound) }, to: &encoder)
    }
}

extension PostgresArray: PostgresDecodable where Element: PostgresDecodable {
    /// True for arrays of what the element can be read from.
    public static func canDecode(_ type: PostgresType) -> Bool { [Element].canDecode(type) }

    /// Reads an array of any number of dimensions.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> PostgresArray {
        let (elements, dimensions) = try ArrayForm.decode(bytes, as: Element.self, maximumDimensions: maximumDimensions)
        let checked = PostgresArray(
            elements,
            dimensions: dimensions.map { Dimension(count: $0.count, lowerBound: $0.lowerBound) }
        )
        guard let checked else { throw PostgresError(.decodingFailed, "the array's dimensions are out of range") }
        return checked
    }
}
