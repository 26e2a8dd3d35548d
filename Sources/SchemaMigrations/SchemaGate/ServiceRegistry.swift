public import Postgres

/// A service that runs now and has said which release it is.
public struct RegisteredService: Sendable, Hashable, Codable {
    /// The service's release.
    public let release: Int32
    /// The server process of the connection by which it is registered.
    public let processID: Int32
    /// The `application_name` of that connection.
    public let applicationName: String
    /// The role that has logged in.
    public let role: String

    private enum CodingKeys: String, CodingKey {
        case release
        case processID = "process_id"
        case applicationName = "application_name"
        case role
    }
}

extension RegisteredService: PostgresRecord {
    /// The columns that make a registered service.
    public static let columnNames = ["release", "pid", "application_name", "role"]

    /// Reads one row.
    public init(from columns: inout PostgresRecordColumns) throws(PostgresError) {
        release = try columns.next()
        processID = try columns.next()
        applicationName = try columns.next()
        role = try columns.next()
    }
}

extension RegisteredService: CustomStringConvertible {
    /// The service for people: `"vmm-controller" (release 11, role vmm, server process 4242)`.
    public var description: String {
        let name = applicationName.isEmpty ? "a service without a name" : "\"\(applicationName)\""
        return "\(name) (release \(release), role \(role), server process \(processID))"
    }
}

/// The advisory locks by which services say that they run, and by which a contract migration keeps new ones out.
///
/// A service holds (class, release) shared as long as it runs: it is seen in `pg_locks`, and gone with its connection.
/// The *door* is what makes looking safe: a service holds it shared while it reads the history, a runner exclusively
/// from before it looks at the services until it is done. So a service has either registered before the runner looks,
/// or reads the history after the runner is done.
struct ServiceRegistry: Sendable {
    let schema: String

    /// "door" in ASCII.
    private static let doorNamespace: Int32 = 0x646F_6F72

    /// Each schema with a history has a class of its own, in which the second number is the release.
    private var releaseClass: Int32 { MigrationLock.key(of: "\(schema)\u{0}release") }
    private var door: Int32 { MigrationLock.key(of: schema) }

    /// Says, until the transaction ends, that a service of this release runs; waits for nobody.
    func register(_ release: Int32, _ connection: PostgresConnection) async throws {
        try await connection.execute(script: "SELECT pg_advisory_xact_lock_shared(\(releaseClass), \(release))")
    }

    /// One try to hold the door until the transaction ends.
    func tryDoor(exclusively: Bool, _ connection: PostgresConnection) async throws -> Bool {
        let function = exclusively ? "pg_try_advisory_xact_lock" : "pg_try_advisory_xact_lock_shared"
        var query: PostgresQuery = "SELECT \(unsafeSQL: function)(\(Self.doorNamespace), \(door))"
        query.isCacheable = false
        return try await connection.query(query).one().decode(Bool.self)
    }

    /// Every service that is registered now, the oldest release first; needs no privilege.
    func services(_ connection: PostgresConnection) async throws -> [RegisteredService] {
        var query: PostgresQuery = """
            SELECT l.objid::int8::int4 AS release, l.pid, coalesce(a.application_name, '') AS application_name,
                coalesce(a.usename::text, '') AS role
            FROM pg_locks AS l LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
            WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.mode = 'ShareLock'
                AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                AND l.classid = \(Int64(UInt32(bitPattern: releaseClass)))::int8::oid
            ORDER BY release, l.pid
            """
        query.isCacheable = false
        return try await connection.query(query).decode(RegisteredService.self)
    }
}
