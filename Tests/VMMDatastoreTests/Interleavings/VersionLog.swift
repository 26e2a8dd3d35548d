import Postgres
import TestSupport
import VMMDatastore
import VMMModel

extension DatastoreSite {
    /// Logs every version of every row that has generations, in the order of each row's versions, since a row is locked
    /// while it is logged.
    func logVersions() async throws {
        for table in ["vmm", "migration", "instance"] {
            try await execute(
                """
                CREATE TABLE \(table)_log (number bigserial PRIMARY KEY, version \(table));
                CREATE FUNCTION log_\(table)() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN INSERT INTO \(table)_log (version) VALUES (NEW); RETURN NULL; END $$;
                CREATE TRIGGER log_\(table) AFTER INSERT OR UPDATE ON \(table)
                  FOR EACH ROW EXECUTE FUNCTION log_\(table)();
                """
            )
        }
    }

    func versions(of id: VMMID) async throws -> [RowVersion] {
        try await versions(
            """
            SELECT (version).state_generation, format('%s %s %s', (version).state,
              coalesce((version).failure_reason::text, '-'), \(unsafeSQL: Self.microseconds("time_state_updated"))),
              (version).time_deleted IS NOT NULL,
              ((version).state = 'failed') = ((version).failure_reason IS NOT NULL)
            FROM vmm_log WHERE (version).id = \(id) ORDER BY number
            """
        )
    }

    func versions(of side: LiveMigrationSide, of id: LiveMigrationID) async throws -> [RowVersion] {
        let side = side == .source ? "source" : "target"
        return try await versions(
            """
            SELECT (version).\(unsafeSQL: side)_gen, format('%s %s', (version).\(unsafeSQL: side)_state,
              coalesce((\(unsafeSQL: Self.microseconds("time_\(side)_updated")))::text, '-')),
              (version).time_deleted IS NOT NULL, true
            FROM migration_log WHERE (version).id = \(id) ORDER BY number
            """
        )
    }

    func versions(of id: InstanceID) async throws -> [RowVersion] {
        try await versions(
            """
            SELECT (version).state_generation, format('%s %s %s', (version).state,
              coalesce((version).active_propolis_id::text, '-'), \(unsafeSQL: Self.microseconds("time_state_updated"))),
              (version).time_deleted IS NOT NULL, true
            FROM instance_log WHERE (version).id = \(id) ORDER BY number
            """
        )
    }

    private static func microseconds(_ column: String) -> String {
        "(extract(epoch FROM (version).\(column)) * 1000000)::bigint"
    }

    /// The versions that differ from the one before: what a write changed elsewhere in the row makes none.
    private func versions(_ query: PostgresQuery) async throws -> [RowVersion] {
        var versions: [RowVersion] = []
        for row in try await pool.query(query) {
            let (generation, contents, isDeleted, isConsistent) = try row.decode(
                Int64.self,
                String.self,
                Bool.self,
                Bool.self
            )
            let version = RowVersion(generation, contents, isDeleted: isDeleted, isConsistent: isConsistent)
            if version != versions.last { versions.append(version) }
        }
        return versions
    }
}
