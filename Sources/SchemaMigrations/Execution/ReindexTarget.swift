/// What a REINDEX rebuilds.
enum ReindexTarget: Sendable {
    case index(QualifiedName)
    case table(QualifiedName)
    case schema(String)
    case database

    /// Nil for a form that is not known.
    init?(_ statement: ParseNode) {
        let name = StatementEffects.name(of: statement["relation"])
        switch (statement["kind"].string, name) {
        case ("REINDEX_OBJECT_INDEX", let name?): self = .index(name)
        case ("REINDEX_OBJECT_TABLE", let name?): self = .table(name)
        case ("REINDEX_OBJECT_SCHEMA", _):
            guard let schema = statement["name"].string else { return nil }
            self = .schema(schema)
        case ("REINDEX_OBJECT_DATABASE", _): self = .database
        default: return nil
        }
    }

    /// Which indexes are concerned, as a condition on `pg_index` as `i`; those beside a rebuilt one are of its table.
    var indexes: String {
        switch self {
        case .index(let name):
            let index = Self.regclass(name)
            return "i.indrelid = (SELECT indrelid FROM pg_index WHERE indexrelid = \(index))"
        case .table(let name):
            let table = Self.regclass(name)
            return Self.withToast("SELECT relid FROM pg_partition_tree(\(table)) UNION SELECT \(table)")
        case .schema(let name):
            let schema = Self.literal(QualifiedName.quote(name))
            return Self.withToast("SELECT oid FROM pg_class WHERE relnamespace = to_regnamespace(\(schema))")
        case .database: return "true"
        }
    }

    /// The indexes of these tables, and those of their TOAST tables, which are rebuilt with them.
    private static func withToast(_ tables: String) -> String {
        "(i.indrelid IN (\(tables)) OR i.indrelid IN (SELECT reltoastrelid FROM pg_class WHERE oid IN (\(tables))))"
    }

    private static func regclass(_ name: QualifiedName) -> String { "to_regclass(\(literal(name.sql)))" }

    private static func literal(_ text: String) -> String {
        "'\(text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''"))'"
    }
}
