-- Instances, the VMMs that run them, and live migrations between VMMs, before failure reasons were recorded.
--
-- Rows are never physically deleted: a non-NULL time_deleted means deleted. There are no foreign keys: writers
-- keep the references right under generation numbers, and a VMM may outlive the instance that owned it.
-- Each *_generation or *_gen column guards a group of columns: a writer may only store a strictly greater number.

-- CREATE TYPE has no IF NOT EXISTS. A type that exists must have exactly these labels in this order, because the
-- order is what comparisons and ORDER BY follow.
DO $$
DECLARE
    wanted record;
    found text[];
BEGIN
    FOR wanted IN
        SELECT * FROM (VALUES
            ('vmm_state', ARRAY[
                'creating', 'starting', 'running', 'stopping', 'stopped', 'rebooting', 'migrating', 'failed',
                'destroyed', 'saga_unwound']),
            ('vmm_cpu_platform', ARRAY['sled_default', 'amd_milan', 'amd_turin', 'amd_turin_v2']),
            ('migration_state', ARRAY['pending', 'in_progress', 'failed', 'completed']),
            ('instance_state_v2', ARRAY['creating', 'no_vmm', 'vmm', 'failed', 'destroyed']),
            ('instance_cpu_platform', ARRAY['amd_milan', 'amd_turin', 'amd_turin_v2']),
            ('instance_intended_state', ARRAY['running', 'stopped', 'guest_shutdown', 'destroyed']),
            ('instance_auto_restart', ARRAY['never', 'best_effort'])
        ) AS enum (name, labels)
    LOOP
        IF to_regtype(wanted.name) IS NULL THEN
            EXECUTE format('CREATE TYPE %I AS ENUM (%s)', wanted.name,
                (SELECT string_agg(quote_literal(label), ', ' ORDER BY position)
                 FROM unnest(wanted.labels) WITH ORDINALITY AS item (label, position)));
            CONTINUE;
        END IF;
        SELECT array_agg(enumlabel::text ORDER BY enumsortorder) INTO found
        FROM pg_enum WHERE enumtypid = to_regtype(wanted.name);
        IF found IS DISTINCT FROM wanted.labels THEN
            RAISE EXCEPTION 'type % exists with other labels', wanted.name
                USING DETAIL = format('Found %s, wanted %s.', coalesce(found::text, 'no enum'), wanted.labels);
        END IF;
    END LOOP;
END
$$;

CREATE TABLE IF NOT EXISTS instance (
    id uuid PRIMARY KEY,
    name varchar(63) NOT NULL,
    description varchar(512) NOT NULL,
    time_created timestamptz NOT NULL,
    time_modified timestamptz NOT NULL,
    time_deleted timestamptz,
    project_id uuid NOT NULL,
    -- Guarded by state_generation: these two, state, the three ids below and time_last_auto_restarted.
    time_state_updated timestamptz NOT NULL,
    state_generation int8 NOT NULL,
    -- The VMM that runs the instance, the VMM it is moving to, and the live migration between the two.
    active_propolis_id uuid,
    target_propolis_id uuid,
    migration_id uuid,
    ncpus int8 NOT NULL,
    memory int8 NOT NULL,
    hostname varchar(63) NOT NULL,
    -- Who holds the updater lock, if anybody; the generation grows with every change of holder.
    updater_id uuid,
    updater_gen int8 NOT NULL DEFAULT 0,
    state instance_state_v2 NOT NULL,
    time_last_auto_restarted timestamptz,
    auto_restart_policy instance_auto_restart,
    auto_restart_cooldown interval,
    boot_disk_id uuid,
    intended_state instance_intended_state NOT NULL,
    cpu_platform instance_cpu_platform,
    enable_jumbo_frames bool NOT NULL,
    CONSTRAINT vmm_iff_active_propolis CHECK ((state = 'vmm') = (active_propolis_id IS NOT NULL))
);

CREATE UNIQUE INDEX IF NOT EXISTS lookup_instance_by_project
    ON instance (project_id, name) WHERE time_deleted IS NULL;
CREATE INDEX IF NOT EXISTS lookup_instance_by_state
    ON instance (state) WHERE time_deleted IS NULL;

CREATE TABLE IF NOT EXISTS vmm (
    id uuid PRIMARY KEY,
    time_created timestamptz NOT NULL,
    time_deleted timestamptz,
    -- The owner and the place: both are fixed for the life of the VMM.
    instance_id uuid NOT NULL,
    -- Guarded by state_generation: this one and state.
    time_state_updated timestamptz NOT NULL,
    state_generation int8 NOT NULL,
    sled_id uuid NOT NULL,
    propolis_ip inet NOT NULL,
    propolis_port int4 NOT NULL DEFAULT 12400,
    state vmm_state NOT NULL,
    cpu_platform vmm_cpu_platform NOT NULL,
    CONSTRAINT vmm_propolis_port_range CHECK (propolis_port BETWEEN 0 AND 65535)
);

CREATE INDEX IF NOT EXISTS lookup_vmms_by_sled_id
    ON vmm (sled_id) WHERE time_deleted IS NULL;
CREATE INDEX IF NOT EXISTS active_vmm
    ON vmm (time_deleted, sled_id, instance_id);
CREATE INDEX IF NOT EXISTS vmm_by_instance_id
    ON vmm (instance_id) INCLUDE (sled_id);

-- A live migration of a VM. The two sides report on their own, each under its own generation and time.
CREATE TABLE IF NOT EXISTS migration (
    id uuid PRIMARY KEY,
    instance_id uuid NOT NULL,
    time_created timestamptz NOT NULL,
    time_deleted timestamptz,
    source_state migration_state NOT NULL,
    source_propolis_id uuid NOT NULL,
    source_gen int8 NOT NULL DEFAULT 1,
    time_source_updated timestamptz,
    target_state migration_state NOT NULL,
    target_propolis_id uuid NOT NULL,
    target_gen int8 NOT NULL DEFAULT 1,
    time_target_updated timestamptz
);

CREATE INDEX IF NOT EXISTS lookup_migrations_by_instance_id
    ON migration (instance_id);
CREATE INDEX IF NOT EXISTS migrations_by_time_created
    ON migration (time_created);

-- For operators: what runs where. The state is that of the active VMM; the target of a live migration is not shown.
CREATE OR REPLACE VIEW sled_instance AS
SELECT
    instance.id,
    instance.name,
    vmm.sled_id AS active_sled_id,
    instance.time_created,
    instance.time_modified,
    instance.migration_id,
    instance.ncpus,
    instance.memory,
    vmm.state
FROM instance
JOIN vmm ON vmm.id = instance.active_propolis_id
WHERE instance.time_deleted IS NULL AND vmm.time_deleted IS NULL;
