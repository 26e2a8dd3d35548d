/// A migration's version: the number at the front of its folder's name.
///
/// Versions order migrations. `2` and `0002` are the same version; each prints with the padding it was written with.
public struct MigrationVersion: Sendable, CustomStringConvertible {
    /// The number, at least 1.
    public let number: Int64
    /// The number as the folder's name spells it.
    private let spelling: String

    /// Creates a version that prints without padding; `nil` unless the number is positive.
    public init?(_ number: Int64) {
        guard number > 0 else { return nil }
        self.number = number
        spelling = String(number)
    }

    /// Reads a version as a folder's name or a person spells it: decimal digits only.
    ///
    /// `nil` for anything else, for zero, and for numbers beyond 63 bits.
    public init?(_ text: some StringProtocol) {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int64(text), number > 0
        else { return nil }
        self.number = number
        spelling = String(text)
    }

    /// The number with the padding it was written with.
    public var description: String { spelling }
}

extension MigrationVersion: Hashable, Comparable {
    /// Compares the numbers; padding does not count.
    public static func == (left: MigrationVersion, right: MigrationVersion) -> Bool { left.number == right.number }

    /// Orders by number.
    public static func < (left: MigrationVersion, right: MigrationVersion) -> Bool { left.number < right.number }

    /// Hashes the number.
    public func hash(into hasher: inout Hasher) { hasher.combine(number) }
}
