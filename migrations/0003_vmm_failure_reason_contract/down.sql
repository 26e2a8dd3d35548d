-- Back to version 2: writers that know nothing of reasons are completed again (see step 3 of version 2).
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

CREATE OR REPLACE TRIGGER vmm_complete_failure_reason
BEFORE INSERT OR UPDATE ON vmm
FOR EACH ROW
WHEN ((NEW.state = 'failed') <> (NEW.failure_reason IS NOT NULL))
EXECUTE FUNCTION vmm_complete_failure_reason();
