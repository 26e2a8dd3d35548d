-- Raises if anything still completes writes without a reason, or if the CHECK that refuses them is not in force.
DO $$
BEGIN
    IF EXISTS (
        SELECT FROM pg_trigger WHERE tgrelid = 'vmm'::regclass AND tgname = 'vmm_complete_failure_reason'
    ) THEN
        RAISE EXCEPTION 'trigger vmm_complete_failure_reason of vmm still exists';
    END IF;
    IF to_regproc('vmm_complete_failure_reason') IS NOT NULL THEN
        RAISE EXCEPTION 'function vmm_complete_failure_reason still exists';
    END IF;
    IF NOT EXISTS (
        SELECT FROM pg_constraint
        WHERE conrelid = 'vmm'::regclass AND conname = 'failure_reason_iff_failed' AND convalidated
    ) THEN
        RAISE EXCEPTION 'constraint failure_reason_iff_failed of vmm is missing or not validated';
    END IF;
END
$$;
