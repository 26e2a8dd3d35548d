/// The name of one of Flyway's files: a letter, a version, two underscores and a description.
struct FlywayFileName {
    enum Kind: Character {
        case version = "V"
        case undo = "U"
        case repeatable = "R"
        case baseline = "B"
    }

    let kind: Kind
    /// The version as it is written; empty for a repeatable migration.
    let spelling: String
    /// What stands behind the underscores.
    let title: String

    init?(_ file: String) {
        guard file.hasSuffix(".sql"), let kind = file.first.flatMap(Kind.init), let bar = file.firstRange(of: "__")
        else { return nil }
        self.kind = kind
        spelling = String(file[..<bar.lowerBound].dropFirst())
        title = String(file[bar.upperBound...].dropLast(4))
        let isNumeric = spelling.allSatisfy { ($0.isASCII && $0.isNumber) || $0 == "." || $0 == "_" }
        guard isNumeric, spelling.isEmpty == (kind == .repeatable) else { return nil }
    }

    /// The version as a number that orders as Flyway does; `nil` for one that has none.
    var version: MigrationVersion? { MigrationVersion(flyway: spelling) }
}

extension MigrationVersion {
    /// Reads a version with dots as Flyway writes it: `1`, `1.2`, `1_2`, `20260301120000`.
    ///
    /// The number leaves room for what may be released in between: three further parts up to 999 behind a first one of
    /// up to nine digits, so that 1.2 is 1002000000; one up to 99 behind a longer one. It depends on nothing but the
    /// version, because histories keep it.
    ///
    /// `nil` for anything else.
    public init?(flyway text: some StringProtocol) {
        let fields = text.split(omittingEmptySubsequences: false) { $0 == "." || $0 == "_" }
        var parts = fields.compactMap { MigrationVersion($0)?.number }
        guard parts.count == fields.count, let major = parts.first else { return nil }
        while parts.count > 1, parts.last == 0 { parts.removeLast() }
        let spelling = parts.map(String.init).joined(separator: ".")
        let rest = parts.dropFirst()
        if major < 1_000_000_000 {
            guard rest.count <= 3, rest.allSatisfy({ $0 <= 999 }) else { return nil }
            let padded = rest + Array(repeating: 0, count: 3 - rest.count)
            self.init(number: padded.reduce(major) { $0 * 1000 + $1 }, spelling: spelling)
        } else {
            guard rest.count <= 1, rest.allSatisfy({ $0 <= 99 }), major <= 80_000_000_000_000_000 else { return nil }
            self.init(number: 1_000_000_000_000_000_000 + major * 100 + (rest.first ?? 0), spelling: spelling)
        }
    }
}
