/// The types of one database by name and by OID, looked up when first needed and then remembered.
///
/// OIDs of enums and composites differ between databases, and change when a type is dropped and made anew. Each
/// connection has a catalog (``PostgresConnection/types``), and the connections of a pool have one in common
/// (``PostgresPool/types``): values of types that are known by name alone are sent with what it says, and errors name
/// types by it. It forgets everything when the server reports that a type, or a prepared statement, is no more what it
/// was; call ``invalidate()`` after a migration of your own to be sooner.
///
/// ```swift
/// let state = try await connection.types.type(named: "public.vmm_state", on: connection)
/// print(state?.labels ?? [])
/// ```
public final class PostgresTypeCatalog: Sendable {
    private struct Known {
        var byName: [String: PostgresType] = [:]
        var byType: [PostgresType: PostgresTypeInfo] = [:]
        /// Counts invalidations: an answer from before one is not remembered.
        var generation = 0
    }

    private let known = Lock(Known())

    /// An empty catalog, for a database that is reached by other ways than one pool.
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
        let found = try await types(named: [name]) { query throws(PostgresError) in try await connection.query(query) }
        return found.named[name]
    }

    /// Looks up a type by its OID, such as a column's.
    ///
    /// - Returns: The type, or nil when there is none; that is not remembered.
    /// - Throws: ``PostgresError`` as ``PostgresConnection/query(_:timeout:)``.
    public func type(
        _ type: PostgresType,
        on connection: PostgresConnection
    ) async throws(PostgresError) -> PostgresTypeInfo? {
        if let info = self[type] { return info }
        return try await load([type]) { query throws(PostgresError) in try await connection.query(query) }[type]
    }

    /// Forgets all types.
    public func invalidate() {
        known.withLock { known in known = Known(generation: known.generation + 1) }
    }
}

// MARK: Sessions

extension PostgresTypeCatalog {
    /// How a session asks its server.
    typealias Ask = (PostgresQuery) async throws(PostgresError) -> PostgresRows

    /// What is known of a type.
    subscript(type: PostgresType) -> PostgresTypeInfo? { known.withLock { $0.byType[type] } }

    /// Types by their names, and with them all that they are made of.
    struct Found {
        var named: [String: PostgresTypeInfo] = [:]
        var all: [PostgresType: PostgresTypeInfo]
    }

    /// Looks up types by their names, as ``type(named:on:)``; a name without type is left out.
    func types(named names: [String], _ ask: Ask) async throws(PostgresError) -> Found {
        let known = known.withLock { $0 }
        var found = Found(all: known.byType)
        for name in names where found.named[name] == nil {
            if let type = known.byName[name] {
                found.named[name] = known.byType[type]
                continue
            }
            let (roots, all) = try await Self.load("SELECT to_regtype(\(name))::oid", ask)
            guard let root = roots.first else { continue }
            remember(all, name: name, root, from: known.generation)
            found.named[name] = all[root]
            found.all.merge(all) { _, new in new }
        }
        return found
    }

    /// These types and all that they are made of; looked up where they are not known.
    func all(_ types: [PostgresType], _ ask: Ask) async throws(PostgresError) -> [PostgresType: PostgresTypeInfo] {
        let known = known.withLock { $0.byType }
        let unknown = types.filter { known[$0] == nil }
        guard !unknown.isEmpty else { return known }
        return known.merging(try await load(unknown, ask)) { _, new in new }
    }

    /// Looks types up, together with those that they are made of.
    @discardableResult
    func load(_ types: [PostgresType], _ ask: Ask) async throws(PostgresError) -> [PostgresType: PostgresTypeInfo] {
        let before = known.withLock { $0.generation }
        let (_, all) = try await Self.load("SELECT unnest(\(types.map(\.rawValue)))", ask)
        remember(all, from: before)
        return all
    }

    private func remember(
        _ types: [PostgresType: PostgresTypeInfo],
        name: String? = nil,
        _ root: PostgresType? = nil,
        from generation: Int
    ) {
        known.withLock { known in
            guard known.generation == generation else { return }
            known.byType.merge(types) { _, new in new }
            if let name { known.byName[name] = root }
        }
    }

    private static func load(
        _ roots: PostgresQuery,
        _ ask: Ask
    ) async throws(PostgresError) -> (roots: [PostgresType], all: [PostgresType: PostgresTypeInfo]) {
        var query = PostgresQuery(unsafeSQL: select(roots: roots.sql))
        query.parameters = roots.parameters
        query.isCacheable = false
        var found: [PostgresType] = []
        var all: [PostgresType: PostgresTypeInfo] = [:]
        for row in try await ask(query) {
            let info = try PostgresTypeInfo(row)
            all[info.type] = info
            if try row.decode(at: 0, as: Bool.self) { found.append(info.type) }
        }
        return (found, all)
    }

    private static func select(roots: String) -> String {
        """
        WITH RECURSIVE root(oid) AS (\(roots)), needed(oid) AS (
            SELECT oid FROM root
            UNION
            SELECT part.oid FROM needed JOIN pg_catalog.pg_type t ON t.oid = needed.oid CROSS JOIN LATERAL (
                SELECT t.typbasetype
                UNION ALL SELECT t.typelem WHERE t.typsubscript = 'pg_catalog.array_subscript_handler'::regproc
                UNION ALL SELECT a.atttypid FROM pg_catalog.pg_attribute a
                    WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
                UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE t.oid IN (r.rngtypid, r.rngmultitypid)
            ) part(oid)
        )
        SELECT t.oid IN (SELECT oid FROM root), t.oid, n.nspname::text, t.typname::text,
            pg_catalog.format_type(t.oid, NULL), t.typtype, t.typtype = 'e' OR t.typcategory = 'S', t.typarray,
            CASE WHEN t.typsubscript = 'pg_catalog.array_subscript_handler'::regproc THEN t.typelem ELSE 0::oid END,
            t.typbasetype,
            ARRAY(SELECT enumlabel::text FROM pg_catalog.pg_enum WHERE enumtypid = t.oid ORDER BY enumsortorder),
            ARRAY(SELECT attname::text FROM pg_catalog.pg_attribute
                WHERE attrelid = t.typrelid AND attnum > 0 AND NOT attisdropped ORDER BY attnum),
            ARRAY(SELECT atttypid FROM pg_catalog.pg_attribute
                WHERE attrelid = t.typrelid AND attnum > 0 AND NOT attisdropped ORDER BY attnum)
        FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
        WHERE t.oid IN (SELECT oid FROM needed)
        """
    }
}

extension PostgresTypeInfo {
    /// A row of the catalog's query, from its second column on.
    fileprivate init(_ row: PostgresRow) throws(PostgresError) {
        func reference(at column: Int) throws(PostgresError) -> PostgresType? {
            let number = try row.decode(at: column, as: UInt32.self)
            return number == 0 ? nil : PostgresType(rawValue: number)
        }
        type = PostgresType(rawValue: try row.decode(at: 1))
        schema = try row.decode(at: 2)
        name = try row.decode(at: 3)
        sqlName = try row.decode(at: 4)
        kind = Kind(rawValue: try row.decode(at: 5)) ?? .base
        isTextual = try row.decode(at: 6)
        arrayType = try reference(at: 7)
        elementType = try reference(at: 8)
        baseType = try reference(at: 9)
        labels = try row.decode(at: 10)
        let names = try row.decode(at: 11, as: [String].self)
        let types = try row.decode(at: 12, as: [UInt32].self)
        fields = zip(names, types).map { Field(name: $0, type: PostgresType(rawValue: $1)) }
    }
}

// MARK: Names in errors

extension PostgresTypeCatalog {
    /// The types that an error mentions by number and that are not known here.
    func unknownTypes(in error: PostgresError) -> [PostgresType] {
        guard error.code == .decodingFailed else { return [] }
        let types = error.message.matches(of: /OID ([0-9]+)/).compactMap { match in
            UInt32(match.output.1).map { PostgresType(rawValue: $0) }
        }
        return types.filter { self[$0] == nil }
    }

    /// The text with the names of those types that are known, in place of their numbers.
    func naming(_ text: String) -> String {
        text.replacing(/OID ([0-9]+)/) { match in
            UInt32(match.output.1).flatMap { self[PostgresType(rawValue: $0)]?.sqlName } ?? String(match.output.0)
        }
    }
}
