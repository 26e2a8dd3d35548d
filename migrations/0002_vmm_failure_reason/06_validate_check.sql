-- Reads the whole table while readers and writers go on. Validating what is valid already does nothing.
ALTER TABLE vmm VALIDATE CONSTRAINT failure_reason_iff_failed;
