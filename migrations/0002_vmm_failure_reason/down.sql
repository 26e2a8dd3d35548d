-- Back to version 1. Every recorded failure reason is lost. Also cleans up after a version 2 that was applied in part.
DROP TRIGGER IF EXISTS vmm_complete_failure_reason ON vmm;
DROP FUNCTION IF EXISTS vmm_complete_failure_reason();
ALTER TABLE vmm
    DROP CONSTRAINT IF EXISTS failure_reason_iff_failed,
    DROP COLUMN IF EXISTS failure_reason;
DROP TYPE IF EXISTS vmm_failure_reason;
