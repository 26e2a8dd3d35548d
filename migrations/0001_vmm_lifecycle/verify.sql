-- Raises unless everything that version 1 promises is there. What later versions add is no fault.

-- Enums: the promised labels, in the promised order.
DO $$
DECLARE
    faults text;
BEGIN
    SELECT string_agg(format('%s has %s, wanted %s', promised.name, coalesce(found.labels::text, 'no labels'),
                             promised.labels), E'\n')
    INTO faults
    FROM (VALUES
        ('vmm_state', ARRAY[
            'creating', 'starting', 'running', 'stopping', 'stopped', 'rebooting', 'migrating', 'failed',
            'destroyed', 'saga_unwound']),
        ('vmm_cpu_platform', ARRAY['sled_default', 'amd_milan', 'amd_turin', 'amd_turin_v2']),
        ('migration_state', ARRAY['pending', 'in_progress', 'failed', 'completed']),
        ('instance_state_v2', ARRAY['creating', 'no_vmm', 'vmm', 'failed', 'destroyed']),
        ('instance_cpu_platform', ARRAY['amd_milan', 'amd_turin', 'amd_turin_v2']),
        ('instance_intended_state', ARRAY['running', 'stopped', 'guest_shutdown', 'destroyed']),
        ('instance_auto_restart', ARRAY['never', 'best_effort'])
    ) AS promised (name, labels)
    CROSS JOIN LATERAL (
        SELECT array_agg(enumlabel::text ORDER BY enumsortorder) AS labels
        FROM pg_enum
        WHERE enumtypid = to_regtype(promised.name) AND enumlabel = ANY (promised.labels)
    ) AS found
    WHERE found.labels IS DISTINCT FROM promised.labels;
    IF faults IS NOT NULL THEN
        RAISE EXCEPTION 'enum types are not as version 1 made them' USING DETAIL = faults;
    END IF;
END
$$;

-- Columns of the tables and of the view.
DO $$
DECLARE
    faults text;
BEGIN
    SELECT string_agg(format('%s.%s is %s, wanted %s', promised.relation, promised.name,
                             coalesce(found.definition, 'missing'), promised.definition), E'\n')
    INTO faults
    FROM (VALUES
        ('instance', 'id', 'uuid NOT NULL'),
        ('instance', 'name', 'character varying(63) NOT NULL'),
        ('instance', 'description', 'character varying(512) NOT NULL'),
        ('instance', 'time_created', 'timestamp with time zone NOT NULL'),
        ('instance', 'time_modified', 'timestamp with time zone NOT NULL'),
        ('instance', 'time_deleted', 'timestamp with time zone'),
        ('instance', 'project_id', 'uuid NOT NULL'),
        ('instance', 'time_state_updated', 'timestamp with time zone NOT NULL'),
        ('instance', 'state_generation', 'bigint NOT NULL'),
        ('instance', 'active_propolis_id', 'uuid'),
        ('instance', 'target_propolis_id', 'uuid'),
        ('instance', 'migration_id', 'uuid'),
        ('instance', 'ncpus', 'bigint NOT NULL'),
        ('instance', 'memory', 'bigint NOT NULL'),
        ('instance', 'hostname', 'character varying(63) NOT NULL'),
        ('instance', 'updater_id', 'uuid'),
        ('instance', 'updater_gen', 'bigint NOT NULL DEFAULT 0'),
        ('instance', 'state', 'instance_state_v2 NOT NULL'),
        ('instance', 'time_last_auto_restarted', 'timestamp with time zone'),
        ('instance', 'auto_restart_policy', 'instance_auto_restart'),
        ('instance', 'auto_restart_cooldown', 'interval'),
        ('instance', 'boot_disk_id', 'uuid'),
        ('instance', 'intended_state', 'instance_intended_state NOT NULL'),
        ('instance', 'cpu_platform', 'instance_cpu_platform'),
        ('instance', 'enable_jumbo_frames', 'boolean NOT NULL'),
        ('vmm', 'id', 'uuid NOT NULL'),
        ('vmm', 'time_created', 'timestamp with time zone NOT NULL'),
        ('vmm', 'time_deleted', 'timestamp with time zone'),
        ('vmm', 'instance_id', 'uuid NOT NULL'),
        ('vmm', 'time_state_updated', 'timestamp with time zone NOT NULL'),
        ('vmm', 'state_generation', 'bigint NOT NULL'),
        ('vmm', 'sled_id', 'uuid NOT NULL'),
        ('vmm', 'propolis_ip', 'inet NOT NULL'),
        ('vmm', 'propolis_port', 'integer NOT NULL DEFAULT 12400'),
        ('vmm', 'state', 'vmm_state NOT NULL'),
        ('vmm', 'cpu_platform', 'vmm_cpu_platform NOT NULL'),
        ('migration', 'id', 'uuid NOT NULL'),
        ('migration', 'instance_id', 'uuid NOT NULL'),
        ('migration', 'time_created', 'timestamp with time zone NOT NULL'),
        ('migration', 'time_deleted', 'timestamp with time zone'),
        ('migration', 'source_state', 'migration_state NOT NULL'),
        ('migration', 'source_propolis_id', 'uuid NOT NULL'),
        ('migration', 'source_gen', 'bigint NOT NULL DEFAULT 1'),
        ('migration', 'time_source_updated', 'timestamp with time zone'),
        ('migration', 'target_state', 'migration_state NOT NULL'),
        ('migration', 'target_propolis_id', 'uuid NOT NULL'),
        ('migration', 'target_gen', 'bigint NOT NULL DEFAULT 1'),
        ('migration', 'time_target_updated', 'timestamp with time zone'),
        ('sled_instance', 'id', 'uuid'),
        ('sled_instance', 'name', 'character varying(63)'),
        ('sled_instance', 'active_sled_id', 'uuid'),
        ('sled_instance', 'time_created', 'timestamp with time zone'),
        ('sled_instance', 'time_modified', 'timestamp with time zone'),
        ('sled_instance', 'migration_id', 'uuid'),
        ('sled_instance', 'ncpus', 'bigint'),
        ('sled_instance', 'memory', 'bigint'),
        ('sled_instance', 'state', 'vmm_state')
    ) AS promised (relation, name, definition)
    LEFT JOIN LATERAL (
        SELECT format_type(atttypid, atttypmod)
            || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END
            || coalesce(' DEFAULT ' || pg_get_expr(adbin, adrelid), '') AS definition
        FROM pg_attribute
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE attrelid = to_regclass(promised.relation) AND attname = promised.name
    ) AS found ON true
    WHERE found.definition IS DISTINCT FROM promised.definition;
    IF faults IS NOT NULL THEN
        RAISE EXCEPTION 'columns are not as version 1 made them' USING DETAIL = faults;
    END IF;
END
$$;

-- Constraints that hold for every row, and indexes that queries can use.
DO $$
DECLARE
    faults text;
BEGIN
    SELECT string_agg(format('constraint %s of %s: %s', promised.name, promised.relation,
                             CASE WHEN found.convalidated THEN pg_get_constraintdef(found.oid)
                                  WHEN found.oid IS NULL THEN 'missing' ELSE 'not validated' END), E'\n')
    INTO faults
    FROM (VALUES
        ('instance', 'instance_pkey', 'PRIMARY KEY (id)'),
        ('instance', 'vmm_iff_active_propolis',
            'CHECK (((state = ''vmm''::instance_state_v2) = (active_propolis_id IS NOT NULL)))'),
        ('vmm', 'vmm_pkey', 'PRIMARY KEY (id)'),
        ('vmm', 'vmm_propolis_port_range', 'CHECK (((propolis_port >= 0) AND (propolis_port <= 65535)))'),
        ('migration', 'migration_pkey', 'PRIMARY KEY (id)')
    ) AS promised (relation, name, definition)
    LEFT JOIN pg_constraint AS found ON conrelid = to_regclass(promised.relation) AND conname = promised.name
    WHERE pg_get_constraintdef(found.oid) IS DISTINCT FROM promised.definition;
    IF faults IS NOT NULL THEN
        RAISE EXCEPTION 'constraints are not as version 1 made them' USING DETAIL = faults;
    END IF;

    SELECT string_agg(format('%s of %s', promised.name, promised.relation), E'\n')
    INTO faults
    FROM (VALUES
        ('instance', 'lookup_instance_by_project', true),
        ('instance', 'lookup_instance_by_state', false),
        ('vmm', 'lookup_vmms_by_sled_id', false),
        ('vmm', 'active_vmm', false),
        ('vmm', 'vmm_by_instance_id', false),
        ('migration', 'lookup_migrations_by_instance_id', false),
        ('migration', 'migrations_by_time_created', false)
    ) AS promised (relation, name, is_unique)
    LEFT JOIN pg_index AS found
        ON indexrelid = to_regclass(promised.name) AND indrelid = to_regclass(promised.relation)
    WHERE NOT coalesce(indisvalid AND indisunique = promised.is_unique, false);
    IF faults IS NOT NULL THEN
        RAISE EXCEPTION 'indexes of version 1 are missing or invalid' USING DETAIL = faults;
    END IF;
END
$$;
