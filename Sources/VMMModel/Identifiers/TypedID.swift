public import Foundation

/// A kind of thing that has a ``TypedID``.
///
/// Conforming types serve as the phantom parameter of an identifier; the name is what error messages call the thing.
public protocol IdentifiedEntity {
    /// What messages call one of these things, such as `VMM` or `instance`.
    static var entityName: String { get }
}

/// A UUID that knows what it identifies.
///
/// A sled's identifier and a VMM's are both UUIDs; as `TypedID`s they are different types, so one cannot be passed for
/// the other. The text form is the UUID in lower case with hyphens, which is also how it is encoded.
///
/// ```swift
/// let id = VMMID()
/// print("starting \(id)")
/// let parsed = VMMID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
/// ```
public struct TypedID<Entity: IdentifiedEntity>: Hashable, Sendable {
    /// The UUID itself, without knowledge of what it identifies.
    public let uuid: UUID

    /// Creates a new random identifier (a version 4 UUID).
    public init() {
        uuid = UUID()
    }

    /// Declares that a UUID identifies an `Entity`.
    ///
    /// - Parameter uuid: The UUID of an existing `Entity`, as read from a column of that meaning.
    @inlinable
    public init(_ uuid: UUID) {
        self.uuid = uuid
    }
}

extension TypedID: LosslessStringConvertible {
    /// The UUID in lower case with hyphens.
    public var description: String {
        uuid.uuidString.lowercased()
    }

    /// Parses a UUID of 32 hexadecimal digits in five groups with hyphens, in either case.
    ///
    /// - Parameter description: The text; anything else than that form, such as braces or spaces, gives `nil`.
    public init?(_ description: String) {
        // Foundation's parser ignores what follows the UUID's 36 characters behind a zero byte.
        guard description.utf8.count == 36, let uuid = UUID(uuidString: description) else { return nil }
        self.uuid = uuid
    }
}

extension TypedID: Comparable {
    /// Whether the first identifier sorts before the second, comparing bytes from the left.
    ///
    /// This is the order of PostgreSQL's `uuid` type, so a key read from a page can be compared with the next page's.
    public static func < (lhs: TypedID, rhs: TypedID) -> Bool {
        lhs.uuid < rhs.uuid
    }
}

extension TypedID: Codable {
    /// Decodes a plain string, the UUID in either case.
    ///
    /// - Throws: `DecodingError` when the value is not a string, or the string is not a UUID.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let id = TypedID(text) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "'\(text)' is not the identifier of a \(Entity.entityName): it is not a UUID"
            )
        }
        self = id
    }

    /// Encodes the UUID as a plain string in lower case.
    ///
    /// - Throws: Whatever the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
