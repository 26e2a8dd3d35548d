import Postgres

/// A session, or a prepared transaction, that holds a lock somebody wants.
///
/// Its query is not shown: it may hold values.
struct Blocker: PostgresRecord, Hashable, CustomStringConvertible {
    static let columnNames = [
        "pid", "transaction", "role", "application_name", "backend_type", "state", "seconds", "is_autovacuum",
        "prevents_wraparound",
    ]

    /// Nil for a prepared transaction.
    let processID: Int32?
    /// Which of the session's transactions it is.
    let transaction: String
    let role: String
    let application: String
    let backendType: String
    let state: String
    /// The transaction's age; nil where the role that asks may not know.
    let seconds: Double?
    let isAutovacuum: Bool
    let preventsWraparound: Bool

    init(from columns: inout PostgresRecordColumns) throws(PostgresError) {
        processID = try columns.next()
        transaction = try columns.next()
        role = try columns.next()
        application = try columns.next()
        backendType = try columns.next()
        state = try columns.next()
        seconds = try columns.next()
        isAutovacuum = try columns.next()
        preventsWraparound = try columns.next()
    }

    /// The columns, of `pg_stat_activity` as `a`.
    ///
    /// To a role that may not see other sessions, an autovacuum worker is one that no role has started.
    static let columns = """
        coalesce(a.usename::text, '') AS role, coalesce(a.application_name, '') AS application_name,
        coalesce(a.backend_type, '') AS backend_type, coalesce(a.state, '') AS state,
        extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.query_start))::float8 AS seconds,
        a.pid IS NOT NULL AND coalesce(a.backend_type = 'autovacuum worker', a.usesysid IS NULL) AS is_autovacuum,
        coalesce(a.query LIKE '%(to prevent wraparound)', false) AS prevents_wraparound
        """

    /// An autovacuum worker is ended by the server for whoever waits long enough for its lock; not one that keeps the
    /// transaction counter from running out.
    var givesWay: Bool { isAutovacuum && !preventsWraparound }

    var description: String {
        let age = seconds.map { " for \(Duration.seconds(min(max(0, $0), 1e9)).rounded)" } ?? ""
        return processID == nil || isAutovacuum ? name : "\(name)\(age)"
    }

    /// The same without its age, which is another one each time.
    var name: String {
        guard let processID else { return "a prepared transaction" }
        if isAutovacuum {
            return "process \(processID) (autovacuum\(preventsWraparound ? " to prevent wraparound" : ""))"
        }
        let kind = backendType.isEmpty || backendType == "client backend" ? "" : " (\(backendType))"
        let name = application.isEmpty ? "" : " \"\(application)\""
        return "process \(processID)\(kind)\(name) of role \(role)\(state.isEmpty ? "" : ", \(state)")"
    }
}

extension [Blocker] {
    /// Who they are, in one line.
    var text: String { map(\.description).joined(separator: "; ") }
}
