public import Postgres

/// The exact statements of the release before version 2, which knows nothing of failure reasons.
public enum PreviousRelease {
    /// Registers a VMM under an id made of `number`.
    public static func insert(_ number: Int64, state: String, isDeleted: Bool = false) -> PostgresQuery {
        """
        INSERT INTO vmm (id, time_created, time_deleted, instance_id, time_state_updated, state_generation, sled_id,
            propolis_ip, propolis_port, state, cpu_platform)
        VALUES (md5('vmm' || \(number))::uuid, '2026-01-01Z', CASE WHEN \(isDeleted) THEN timestamptz '2026-01-02Z' END,
            md5('instance' || \(number))::uuid, '2026-01-01Z', 1, md5('sled')::uuid, 'fd00::1', 12400,
            \(unsafeSQL: PostgresQuery.quote(literal: state)), 'sled_default')
        """
    }

    /// Moves a VMM to a state, guarded by its generation.
    public static func update(_ number: Int64, state: String, generation: Int64) -> PostgresQuery {
        """
        UPDATE vmm SET state = \(unsafeSQL: PostgresQuery.quote(literal: state)), time_state_updated = '2026-01-03Z',
            state_generation = \(generation)
        WHERE id = md5('vmm' || \(number))::uuid AND time_deleted IS NULL AND state_generation < \(generation)
        """
    }

    /// SQL that makes VMMs 1 to `count`: one in twenty failed, a third of these soft-deleted.
    ///
    /// The same in every run: no clock and no chance.
    public static func load(_ count: Int) -> String {
        """
        INSERT INTO vmm (id, time_created, time_deleted, instance_id, time_state_updated, state_generation, sled_id,
            propolis_ip, propolis_port, state, cpu_platform)
        SELECT md5('vmm' || n)::uuid, '2026-01-01Z', CASE WHEN n % 60 = 0 THEN timestamptz '2026-01-02Z' END,
            md5('instance' || n)::uuid, '2026-01-01Z', 3, md5('sled' || n % 500)::uuid, 'fd00::'::inet + n, 12400,
            CASE WHEN n % 20 = 0 THEN 'failed' WHEN n % 7 = 0 THEN 'stopped' ELSE 'running' END::vmm_state, 'amd_milan'
        FROM generate_series(1, \(count)) AS n;
        """
    }
}
