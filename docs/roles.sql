-- The three roles of the VMM store, each with the least that it needs. Run it as a superuser, or as the database's owner
-- with CREATEROLE, once before the first `migrate up`, and again after versions that add tables: it may be repeated.
--
--   psql -v ON_ERROR_STOP=1 -d vmm -f docs/roles.sql
--
-- None of them can log in. Give them to accounts: GRANT vmm_service TO nexus;
DO $$
DECLARE
    role text;
    line text;
BEGIN
    FOREACH role IN ARRAY ARRAY['vmm_migrator', 'vmm_service', 'vmm_reader'] LOOP
        IF to_regrole(role) IS NULL THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role);
        END IF;
        EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', role);
    END LOOP;

    -- Owns what it makes. pg_read_all_stats lets it name who is in the way of a lock.
    GRANT CREATE ON SCHEMA public TO vmm_migrator;
    GRANT pg_read_all_stats TO vmm_migrator;

    -- Nothing is deleted from these tables: rows are marked.
    FOREACH line IN ARRAY ARRAY['vmm', 'migration', 'instance'] LOOP
        IF to_regclass(line) IS NOT NULL THEN
            EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %I TO vmm_service', line);
            EXECUTE format('GRANT SELECT ON %I TO vmm_reader', line);
        END IF;
    END LOOP;
    IF to_regclass('sled_instance') IS NOT NULL THEN
        GRANT SELECT ON sled_instance TO vmm_service, vmm_reader;
    END IF;

    -- What `migrate status`, `history` and a service at start look at. Only the migrator writes there.
    FOREACH line IN ARRAY ARRAY[
        'migrate_control', 'migrate_request', 'migrate_history', 'migrate_attempt', 'migrate_backfill'
    ] LOOP
        IF to_regclass(line) IS NOT NULL THEN
            EXECUTE format('GRANT SELECT ON %I TO vmm_service, vmm_reader', line);
        END IF;
    END LOOP;
END
$$;
