/// A closed set of values, each with one label that the database, metrics and JSON share.
///
/// The order of `allCases` is the order of the labels in the database's enum type. Conforming enums get a label-based
/// `Codable`, whose errors name the unknown label and list the known ones, and a `description` that is the label.
///
/// ```swift
/// let state = try LiveMigrationState(label: "in_progress")
/// print(state.label)
/// ```
public protocol Labeled: CaseIterable, Codable, CustomStringConvertible, Hashable, RawRepresentable<String>, Sendable {
    /// What one of these values is, for error messages, such as `VMM state`.
    static var labelMeaning: String { get }
}

extension Labeled {
    /// The label: the same text in the database, in metrics and in JSON.
    public var label: String {
        rawValue
    }

    /// The label.
    public var description: String {
        rawValue
    }

    /// Finds the value that has a label.
    ///
    /// - Parameter label: The exact label; case matters.
    /// - Throws: ``UnknownLabelError`` when no value has this label. There is no fallback: an unknown label means that
    ///   the database or the peer is newer than this code.
    public init(label: String) throws(UnknownLabelError) {
        guard let value = Self(rawValue: label) else {
            throw UnknownLabelError(meaning: Self.labelMeaning, label: label, known: Self.allCases.map(\.rawValue))
        }
        self = value
    }

    /// Decodes a label.
    ///
    /// - Throws: `DecodingError` when the value is not a string or not a known label; then its underlying error is an
    ///   ``UnknownLabelError``.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let label = try container.decode(String.self)
        do {
            try self.init(label: label)
        } catch {
            throw DecodingError.dataCorrupted(error.context(at: container.codingPath))
        }
    }

    /// Encodes the label.
    ///
    /// - Throws: Whatever the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
}

/// A label that no value of its set has.
public struct UnknownLabelError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What the label should have named, such as `VMM state`.
    public let meaning: String

    /// The label that is not known.
    public let label: String

    /// The labels that are known, in the order of the database's enum type.
    public let known: [String]

    /// A sentence naming the unknown label and listing the known ones.
    public var description: String {
        "unknown \(meaning) '\(label)'; known are \(known.joined(separator: ", "))"
    }

    /// The context of a `DecodingError` about this label.
    func context(at path: [any CodingKey]) -> DecodingError.Context {
        DecodingError.Context(codingPath: path, debugDescription: description, underlyingError: self)
    }
}
