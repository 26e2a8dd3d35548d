/// A migration's version: the number at the front of its folder's or file's name.
///
/// Versions order migrations. Zero occurs in other tools' layouts only. `2` and `0002` are the same version; each prints with the padding it was written with.
public struct MigrationVersion: Sendable, CustomStringConvertible {
    /// The number, at least 0.
    public let number: Int64
    /// The number as the folder's name spells it.
    private let spelling: String

    /// Creates a version that prints without padding; `nil` if the number is negative.
    public init?(_ number: Int64) {
        guard number >= 0 else { return nil }
        self.number = number
        spelling = String(number)
    }

    /// Reads a version as a folder's name or a person spells it: decimal digits only.
    ///
    /// `nil` for anything else, and for numbers beyond 63 bits.
    public init?(_ text: some StringProtocol) {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int64(text) else {
            return nil
        }
        self.init(number: number, spelling: String(text))
    }

    /// A version of a layout in which the number is not what people write.
    init(number: Int64, spelling: String) {
        self.number = number
        self.spelling = spelling
    }

    /// The version as it was written.
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
