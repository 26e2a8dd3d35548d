-- Raises unless a VMM has a failure reason if and only if it failed, and the database sees to it.
-- The trigger may be gone (version 3 removes it); if it is there it must be at work.
DO $$
DECLARE
    labels CONSTANT text[] := ARRAY[
        'prehistoric', 'from_sled_agent', 'no_such_instance', 'sled_expunged', 'sled_off'
    ];
    found text;
BEGIN
    SELECT array_agg(enumlabel::text ORDER BY enumsortorder)::text INTO found
    FROM pg_enum WHERE enumtypid = to_regtype('vmm_failure_reason') AND enumlabel = ANY (labels);
    IF found IS DISTINCT FROM labels::text THEN
        RAISE EXCEPTION 'type vmm_failure_reason lacks labels or has them in another order'
            USING DETAIL = format('Found %s, wanted %s.', coalesce(found, 'none'), labels);
    END IF;

    SELECT format_type(atttypid, atttypmod)
        || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END
        || CASE WHEN atthasdef THEN ' with a default' ELSE '' END
    INTO found
    FROM pg_attribute WHERE attrelid = to_regclass('vmm') AND attname = 'failure_reason';
    IF found IS DISTINCT FROM 'vmm_failure_reason' THEN
        RAISE EXCEPTION 'column vmm.failure_reason is not a nullable vmm_failure_reason without a default'
            USING DETAIL = format('Found %s.', coalesce(found, 'no such column'));
    END IF;

    SELECT pg_get_constraintdef(oid) INTO found
    FROM pg_constraint WHERE conrelid = 'vmm'::regclass AND conname = 'failure_reason_iff_failed';
    IF found IS DISTINCT FROM 'CHECK (((state = ''failed''::vmm_state) = (failure_reason IS NOT NULL)))' THEN
        RAISE EXCEPTION 'constraint failure_reason_iff_failed of vmm is missing, not validated or says something else'
            USING DETAIL = format('Found %s.', coalesce(found, 'no such constraint'));
    END IF;

    SELECT string_agg(format('%s (%s, %s)', id, state, coalesce(failure_reason::text, 'no reason')), ', ') INTO found
    FROM (
        SELECT id, state, failure_reason FROM vmm
        WHERE (state = 'failed') <> (failure_reason IS NOT NULL)
        LIMIT 5
    ) AS sample;
    IF found IS NOT NULL THEN
        RAISE EXCEPTION 'there are failed VMMs without a reason, or VMMs with a reason that have not failed'
            USING DETAIL = format('For example %s.', found);
    END IF;

    IF EXISTS (
        SELECT FROM pg_trigger
        WHERE tgrelid = 'vmm'::regclass AND tgname = 'vmm_complete_failure_reason'
            AND (tgenabled NOT IN ('O', 'A') OR tgfoid IS DISTINCT FROM to_regproc('vmm_complete_failure_reason'))
    ) THEN
        RAISE EXCEPTION 'trigger vmm_complete_failure_reason of vmm is disabled or calls another function'
            USING HINT = 'Writers of the release before version 2 need it until version 3 is applied.';
    END IF;
END
$$;
