-- Completes what the previous release writes, which knows nothing of reasons: a VMM that fails without a reason is
-- 'prehistoric', and one that leaves 'failed' loses its reason. It is committed before the backfill starts, so no
-- write can slip in behind it. Version 3 removes it.

-- The body names nothing outside pg_catalog, so it works in any schema and under any search_path of the writer.
CREATE OR REPLACE FUNCTION vmm_complete_failure_reason() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.state = 'failed' THEN
        NEW.failure_reason := 'prehistoric';
    ELSE
        NEW.failure_reason := NULL;
    END IF;
    RETURN NEW;
END
$$;

-- The WHEN is the opposite of the CHECK of step 5: rows that are complete, the backfill's among them, never call
-- the function, and a recorded reason is never touched.
CREATE OR REPLACE TRIGGER vmm_complete_failure_reason
BEFORE INSERT OR UPDATE ON vmm
FOR EACH ROW
WHEN ((NEW.state = 'failed') <> (NEW.failure_reason IS NOT NULL))
EXECUTE FUNCTION vmm_complete_failure_reason();
