-- Nullable and without a default, so the table is not rewritten and writers of the previous release go on.

-- IF NOT EXISTS looks at the name alone: a column of the same name that is something else must not pass.
DO $$
BEGIN
    IF EXISTS (
        SELECT FROM pg_attribute
        WHERE attrelid = 'vmm'::regclass AND attname = 'failure_reason'
            AND (atttypid <> 'vmm_failure_reason'::regtype OR attnotnull OR atthasdef)
    ) THEN
        RAISE EXCEPTION 'column vmm.failure_reason exists with another type, a default or NOT NULL';
    END IF;
END
$$;

ALTER TABLE vmm ADD COLUMN IF NOT EXISTS failure_reason vmm_failure_reason;
