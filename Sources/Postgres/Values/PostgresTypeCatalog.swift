/// What the server knows of a type.
public struct PostgresTypeInfo: Sendable, Hashable {
    /// The kinds of types, by the letters of `pg_type.typtype`.
    public enum Kind: String, Sendable, CaseIterable {
        /// A base type, or an array.
        case base = "b"
        /// A composite type, or the row type of a table.
        case composite = "c"
        /// A domain.
        case domain = "d"
        /// An enum.
        case enumeration = "e"
        /// A type for functions, such as `record`.
        case pseudo = "p"
        /// A range type.
        case range = "r"
        /// A multirange type.
        case multirange = "m"
    }

    /// A field of a composite type.
    public struct Field: Sendable, Hashable {
        /// Its name.
        public let name: String
        /// Its type.
        public let type: PostgresType
    }

    /// The type's OID.
    public let type: PostgresType
    /// The schema that it is in.
    public let schema: String
    /// Its name there, as `pg_type.typname` has it: `int4`, not `integer`.
    public let name: String
    /// What kind of type it is.
    public let kind: Kind
    /// The type of arrays of it; nil when there is none.
    public let arrayType: PostgresType?
    /// The type of its elements where it is an array; otherwise nil.
    public let elementType: PostgresType?
    /// The labels of an enum, in their order.
    public let labels: [String]
    /// The fields of a composite type, in their order.
    public let fields: [Field]
}

/// The types of one database by name and by OID, looked up when first asked for and then remembered.
///
/// OIDs of enums and composites differ between databases, and change when a type is dropped and made anew: keep one
/// catalog for each database, and call ``invalidate()`` after a migration, or when the server does not know a type
/// any more (`cache lookup failed for type`).
///
/// Most code needs none: enums are bound as text, which the server resolves, and composites are read without.
///
/// ```swift
/// let catalog = PostgresTypeCatalog()
/// let state = try await catalog.type(named: "public.vmm_state", on: connection)
/// print(state?.labels ?? [])
/// ```
public actor PostgresTypeCatalog {
    private var byName: [String: PostgresTypeInfo] = [:]
    private var byType: [PostgresType: PostgresTypeInfo] = [:]
    /// Counts invalidations: an answer from before one is not remembered.
    private var generation = 0

    /// An empty catalog.
    public init() {}

    /// Looks up a type by its name, as SQL has it: with a schema, or else along the connection's `search_path`.
    ///
    /// A name is remembered as it is written, so names without schema belong to one `search_path`.
    ///
    /// - Returns: The type, or nil when there is none of that name; that is not remembered.
    /// - Throws: ``PostgresError`` as ``PostgresConnection/query(_:timeout:)``.
    public func type(
        named name: String,
        on connection: PostgresConnection
    ) async throws(PostgresError) -> PostgresTypeInfo? {
        if let known = byName[name] { return known }
        let before = generation
        let info = try await Self.load("\(unsafeSQL: Self.select) WHERE t.oid = to_regtype(\(name))", on: connection)
        if let info, generation == before {
            byName[name] = info
            byType[info.type] = info
        }
        return info
    }

    /// Looks up a type by its OID, such as a column's.
    ///
    /// - Returns: The type, or nil when there is none; that is not remembered.
    /// - Throws: ``PostgresError`` as ``PostgresConnection/query(_:timeout:)``.
    public func type(
        _ type: PostgresType,
        on connection: PostgresConnection
    ) async throws(PostgresError) -> PostgresTypeInfo? {
        if let known = byType[type] { return known }
        let before = generation
        let info = try await Self.load("\(unsafeSQL: Self.select) WHERE t.oid = \(type.rawValue)", on: connection)
        if generation == before { byType[type] = info }
        return info
    }

    /// Forgets all types.
    public func invalidate() {
        generation += 1
        byName = [:]
        byType = [:]
    }

    private static let select = """
        SELECT t.oid, n.nspname::text, t.typname::text, t.typtype, t.typarray,
            CASE WHEN t.typsubscript = 'array_subscript_handler'::regproc THEN t.typelem ELSE 0::oid END,
            ARRAY(SELECT enumlabel::text FROM pg_catalog.pg_enum WHERE enumtypid = t.oid ORDER BY enumsortorder),
            ARRAY(SELECT attname::text FROM pg_catalog.pg_attribute
                WHERE attrelid = t.typrelid AND attnum > 0 AND NOT attisdropped ORDER BY attnum),
            ARRAY(SELECT atttypid FROM pg_catalog.pg_attribute
                WHERE attrelid = t.typrelid AND attnum > 0 AND NOT attisdropped ORDER BY attnum)
        FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
        """

    private static func load(
        _ query: PostgresQuery,
        on connection: PostgresConnection
    ) async throws(PostgresError) -> PostgresTypeInfo? {
        guard let row = try await connection.query(query).zeroOrOne() else { return nil }
        let names = try row.decode(at: 7, as: [String].self)
        let types = try row.decode(at: 8, as: [UInt32].self)
        let array = try row.decode(at: 4, as: UInt32.self)
        let element = try row.decode(at: 5, as: UInt32.self)
        let kind = try row.decode(at: 3, as: String.self)
        return PostgresTypeInfo(
            type: PostgresType(rawValue: try row.decode(at: 0)),
            schema: try row.decode(at: 1),
            name: try row.decode(at: 2),
            kind: PostgresTypeInfo.Kind(rawValue: kind) ?? .base,
            arrayType: array == 0 ? nil : PostgresType(rawValue: array),
            elementType: element == 0 ? nil : PostgresType(rawValue: element),
            labels: try row.decode(at: 6),
            fields: zip(names, types).map { PostgresTypeInfo.Field(name: $0, type: PostgresType(rawValue: $1)) }
        )
    }
}
