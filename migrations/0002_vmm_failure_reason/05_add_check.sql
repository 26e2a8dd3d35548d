-- A VMM has a failure reason if and only if it failed. From here on every write is checked; NOT VALID leaves the rows
-- that exist to step 6, so the lock is held for a moment only. Added before the backfill, it would make every update
-- of an old failed row fail.
--
-- ADD CONSTRAINT has no IF NOT EXISTS. A constraint of this name that exists must say the same.
DO $$
DECLARE
    found text;
BEGIN
    SELECT pg_get_expr(conbin, conrelid) INTO found
    FROM pg_constraint WHERE conrelid = 'vmm'::regclass AND conname = 'failure_reason_iff_failed';

    IF found IS NULL THEN
        ALTER TABLE vmm ADD CONSTRAINT failure_reason_iff_failed
            CHECK ((state = 'failed') = (failure_reason IS NOT NULL)) NOT VALID;
    ELSIF found <> '((state = ''failed''::vmm_state) = (failure_reason IS NOT NULL))' THEN
        RAISE EXCEPTION 'constraint failure_reason_iff_failed of vmm exists and says something else'
            USING DETAIL = format('Found CHECK %s.', found);
    END IF;
END
$$;
