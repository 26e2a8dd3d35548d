import Postgres

/// The lock as `pg_locks` shows it to those who only look.
extension MigrationLock {
    /// The first of the lock's two numbers, as the catalog has it.
    static var catalogNamespace: Int64 { Int64(UInt32(bitPattern: namespace)) }

    /// Asks whether a runner holds the lock now; needs no privilege and waits for nobody.
    static func isHeld(schema: String) -> PostgresQuery {
        """
        SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND classid = \(catalogNamespace)::int8::oid
            AND objid = \(Int64(UInt32(bitPattern: key(of: schema))))::int8::oid)
        """
    }
}
