/// An object in which two schemas differ.
public struct SchemaDifference: Sendable, Hashable {
    /// How an object differs.
    public enum Change: String, Sendable, Hashable, Codable, CaseIterable {
        /// It should be there and is not.
        case missing
        /// It is there and should not.
        case unexpected
        /// It is there and says something else.
        case changed
    }

    /// What the object is, as in ``SchemaObject/kind``.
    public let kind: String
    /// The object's qualified name.
    public let name: String
    /// What it should say; nil for what should not be there.
    public let expected: String?
    /// What it says; nil for what is not there.
    public let found: String?

    /// How the object differs.
    public var change: Change {
        if found == nil { return .missing }
        return expected == nil ? .unexpected : .changed
    }

    /// Compares two schemas object by object.
    ///
    /// Of a table that only one of them has, the columns, constraints, triggers and the like are not listed again; the
    /// order of columns is an own difference only between the same columns. Empty for equal schemas, and only then.
    static func between(expected: SchemaSnapshot, found: SchemaSnapshot) -> [SchemaDifference] {
        let wanted = Dictionary(grouping: expected.objects, by: Key.init)
        let present = Dictionary(grouping: found.objects, by: Key.init)
        let all = Set(wanted.keys).union(present.keys).compactMap { key -> SchemaDifference? in
            let left = wanted[key].map(Self.text)
            let right = present[key].map(Self.text)
            guard left != right else { return nil }
            return SchemaDifference(kind: key.kind, name: key.name, expected: left, found: right)
        }
        let noise = Noise(all)
        return all.filter { !noise.covers($0) }.sorted { ($0.name, $0.kind) < ($1.name, $1.kind) }
    }

    /// Two objects may have one name: a constraint of a table and of a domain.
    private static func text(_ objects: [SchemaObject]) -> String {
        objects.map(\.definition).joined(separator: "\n")
    }

    private struct Key: Hashable {
        let kind: String
        let name: String

        init(_ object: SchemaObject) {
            kind = object.kind
            name = object.name
        }
    }

    /// What goes without saying when something else is said.
    private struct Noise {
        private let tables: Set<String>
        private let columnOwners: Set<String>

        init(_ differences: [SchemaDifference]) {
            tables = Set(differences.filter { $0.kind == "table" && $0.change != .changed }.map(\.name))
            let columns = differences.filter { $0.kind == "column" && $0.change != .changed }
            columnOwners = Set(columns.compactMap { $0.name.owner })
        }

        func covers(_ difference: SchemaDifference) -> Bool {
            switch difference.kind {
            case "column order": tables.contains(difference.name) || columnOwners.contains(difference.name)
            case "column", "constraint", "trigger", "policy", "rule":
                difference.name.owner.map(tables.contains) ?? false
            default: false
            }
        }
    }
}

extension String {
    /// The qualified name without its last part; a dot between quotation marks divides nothing.
    fileprivate var owner: String? {
        var isQuoted = false
        var dot: Index?
        for index in indices {
            if self[index] == "\"" { isQuoted.toggle() }
            if self[index] == ".", !isQuoted { dot = index }
        }
        return dot.map { String(self[..<$0]) }
    }
}
