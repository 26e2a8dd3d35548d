/// The version of a guarded part of a row: it grows with every change and never goes back.
///
/// A writer may replace what it guards only with a strictly newer generation. Generations range from 1 to 2⁶³−1.
///
/// ```swift
/// let next = try runtime.generation.next()
/// ```
public struct Generation: Hashable, Sendable {
    /// The generation as a number, from 1 to 2⁶³−1.
    public let rawValue: Int64

    /// The generation of everything that was just created: 1.
    public static let first = Generation(unchecked: 1)

    /// The last generation there is: 2⁶³−1.
    public static let last = Generation(unchecked: .max)

    /// Creates a generation from a number.
    ///
    /// - Parameter rawValue: The number, such as one read from a column.
    /// - Throws: ``GenerationError/outOfRange(_:)`` when the number is less than 1.
    public init(_ rawValue: Int64) throws(GenerationError) {
        guard rawValue >= 1 else { throw .outOfRange(rawValue) }
        self.rawValue = rawValue
    }

    private init(unchecked rawValue: Int64) {
        self.rawValue = rawValue
    }

    /// The generation after this one.
    ///
    /// - Throws: ``GenerationError/exhausted`` after ``last``.
    public func next() throws(GenerationError) -> Generation {
        guard self < .last else { throw .exhausted }
        return Generation(unchecked: rawValue + 1)
    }
}

extension Generation: Comparable, CustomStringConvertible {
    /// Whether the first generation is older than the second.
    public static func < (lhs: Generation, rhs: Generation) -> Bool {
        lhs.rawValue < rhs.rawValue
    }

    /// The number in decimal.
    public var description: String {
        String(rawValue)
    }
}

extension Generation: Codable {
    /// Decodes a number.
    ///
    /// - Throws: `DecodingError` when the value is not a whole number from 1 to 2⁶³−1.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let number = try container.decode(Int64.self)
        do {
            try self.init(number)
        } catch {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(
                    codingPath: container.codingPath,
                    debugDescription: error.description,
                    underlyingError: error
                )
            )
        }
    }

    /// Encodes the number.
    ///
    /// - Throws: Whatever the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
}

/// A generation that cannot be.
public enum GenerationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The number is less than 1.
    case outOfRange(Int64)

    /// There is no generation after 2⁶³−1.
    case exhausted

    /// A sentence for logs.
    public var description: String {
        switch self {
        case .outOfRange(let number): "\(number) is not a generation: they range from 1 to \(Int64.max)"
        case .exhausted: "there is no generation after \(Int64.max)"
        }
    }
}
