/// The bookkeeping tables' definitions.
///
/// - `migrate_control` has one line: the fencing token, who runs, and how far.
/// - `migrate_request` has one line: what people ask of a running `up`. It is apart from the control line, which a step
///   keeps locked until its transaction ends.
/// - `migrate_history` has one line for each step, written in the step's own transaction.
/// - `migrate_attempt` has one line for each attempt of a step, also of those that failed.
/// - `migrate_backfill` has one line for each backfill under way: where its next batch begins.
extension HistoryStore {
    /// The layout of the tables that this version of the engine writes and reads.
    static let format: Int32 = 6

    var tables: String {
        """
        CREATE TABLE \(control) (
            only_line boolean PRIMARY KEY DEFAULT true CHECK (only_line),
            format integer NOT NULL,
            token bigint NOT NULL,
            initial_run boolean NOT NULL,
            holder text,
            holder_pid integer,
            activity text,
            activity_at timestamptz
        );
        CREATE TABLE \(request) (
            only_line boolean PRIMARY KEY DEFAULT true CHECK (only_line),
            paused_at timestamptz,
            paused_by text,
            batch_target_ms integer CHECK (batch_target_ms > 0)
        );
        CREATE TABLE \(history) (
            version bigint NOT NULL,
            step integer NOT NULL,
            step_count integer NOT NULL,
            migration_name text NOT NULL,
            step_name text NOT NULL,
            phase text NOT NULL,
            kind text NOT NULL,
            checksum_algorithm text NOT NULL,
            checksum text NOT NULL,
            outcome text NOT NULL CHECK (outcome IN ('intent', 'applied')),
            started_at timestamptz NOT NULL,
            finished_at timestamptz,
            duration_ms bigint,
            rows bigint,
            lock_held_ms double precision,
            token bigint NOT NULL,
            applied_by text NOT NULL,
            schema_fingerprint text,
            requires_release integer,
            PRIMARY KEY (version, step)
        );
        CREATE TABLE \(attempt) (
            token bigint NOT NULL,
            number integer NOT NULL,
            version bigint NOT NULL,
            step integer NOT NULL,
            migration_name text NOT NULL,
            step_name text NOT NULL,
            kind text NOT NULL,
            runner text NOT NULL,
            role text NOT NULL,
            started_at timestamptz NOT NULL,
            finished_at timestamptz,
            duration_ms bigint,
            tries integer,
            lock_held_ms double precision,
            others_blocked_ms double precision,
            rows bigint,
            outcome text NOT NULL CHECK (outcome IN ('running', 'applied', 'failed', 'interrupted', 'abandoned')),
            error_code text,
            sqlstate text,
            error text,
            trace jsonb,
            PRIMARY KEY (token, number)
        );
        CREATE TABLE \(backfill) (
            version bigint NOT NULL,
            step integer NOT NULL,
            relation oid NOT NULL,
            storage oid NOT NULL,
            pass integer NOT NULL,
            next_page bigint NOT NULL,
            end_page bigint NOT NULL,
            rows bigint NOT NULL,
            batches bigint NOT NULL,
            skipped jsonb NOT NULL,
            key text[] NOT NULL,
            after_key text[],
            started_at timestamptz NOT NULL,
            PRIMARY KEY (version, step)
        );
        """
    }
}
