import Crypto
import Postgres

/// One object of a schema: a table, a column, an index, a function, ….
public struct SchemaObject: Sendable, Hashable, Codable {
    /// What it is: `table`, `column`, `column order`, `constraint`, `index`, `enum`, `view`, `function`, ….
    public let kind: String
    /// Its qualified name, quoted where SQL needs it: `public.vmm.state`.
    public let name: String
    /// What it says, in PostgreSQL's own words; empty where name and kind are all there is.
    public let definition: String

    /// Creates an object.
    public init(kind: String, name: String, definition: String) {
        self.kind = kind
        self.name = name
        self.definition = definition
    }
}

/// The schema of a database as text, object by object, in an order of its own.
///
/// Two databases with the same objects on the same major version of PostgreSQL give the same text, whatever the order
/// in which things were made and whatever the session's settings. The order of columns and of enum labels counts.
///
/// Part of it: schemas, extensions, enums, domains, composite and range types, sequences, tables with columns,
/// defaults, identity, constraints (validated or not), indexes (valid or not), partitioning and inheritance, storage
/// parameters, row security, views, materialized views, functions, procedures, aggregates, triggers (enabled or not),
/// rules, policies, statistics objects, event triggers, comments. Of operators, casts, collations, publications and the
/// like only that they exist. Not part of it: owners, privileges, tablespaces, what belongs to an extension, the
/// engine's tables `migrate_…`.
public struct SchemaSnapshot: Sendable, Hashable {
    /// The objects, sorted by the bytes of kind and name.
    public let objects: [SchemaObject]
    /// The major version of the server that the texts come from, for example 15.
    public let serverVersion: Int

    /// Every object on a line or more: what ``fingerprint`` is the hash of.
    public var canonicalText: String {
        var text = ""
        for object in objects { text += "\(object.kind)\t\(object.name)\t\(object.definition)\n" }
        return text
    }

    /// The hash of the whole.
    public var fingerprint: SchemaFingerprint {
        let checksum = Checksum(ofCanonical: Array(canonicalText.utf8))
        return SchemaFingerprint(serverVersion: serverVersion, hex: checksum.hex)
    }
}

/// The SHA-256 of a schema's canonical text, with the form of the text that was hashed.
///
/// The text is PostgreSQL's, and a new major version may spell the same view otherwise: fingerprints of different
/// forms say nothing about each other.
public struct SchemaFingerprint: Sendable, Hashable, CustomStringConvertible {
    /// The form of the text and the algorithm: `catalog1-pg15-sha256`.
    public let form: String
    /// The value in lowercase hexadecimal digits.
    public let hex: String

    init(serverVersion: Int, hex: String) {
        form = "catalog1-pg\(serverVersion)-sha256"
        self.hex = hex
    }

    /// Reads the form of ``description``; `nil` without a colon or with nothing around it.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
        form = parts[0]
        hex = parts[1]
    }

    /// Whether equality means something: both are hashes of the same form of text.
    public func isComparable(with other: SchemaFingerprint) -> Bool { form == other.form }

    /// `form:hex`, as the history holds it.
    public var description: String { "\(form):\(hex)" }
}
