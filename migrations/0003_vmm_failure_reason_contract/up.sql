-- migrate: phase=contract requires-release=2
--
-- Ends support for writers of the release before version 2: with the trigger gone, the CHECK refuses a failed VMM
-- without a reason, and a reason on a VMM that has not failed. Apply it when the last of them has stopped;
-- while one is registered, as a service of release 1, it is refused.
DROP TRIGGER IF EXISTS vmm_complete_failure_reason ON vmm;
DROP FUNCTION IF EXISTS vmm_complete_failure_reason();
