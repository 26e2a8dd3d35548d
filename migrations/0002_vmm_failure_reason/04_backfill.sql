-- migrate: backfill table=vmm
--
-- Soft-deleted rows too: the CHECK of step 5 covers them. Touches only rows that the CHECK would refuse, so it can be
-- stopped anywhere and run again, and a reason that is recorded already stays.
UPDATE vmm
SET failure_reason = CASE WHEN state = 'failed' THEN 'prehistoric'::vmm_failure_reason END
WHERE (state = 'failed') <> (failure_reason IS NOT NULL);
