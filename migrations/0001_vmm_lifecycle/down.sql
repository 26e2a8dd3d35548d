-- Removes every object of version 1, with every row in them.
DROP VIEW IF EXISTS sled_instance;
DROP TABLE IF EXISTS migration;
DROP TABLE IF EXISTS vmm;
DROP TABLE IF EXISTS instance;
DROP TYPE IF EXISTS instance_auto_restart;
DROP TYPE IF EXISTS instance_intended_state;
DROP TYPE IF EXISTS instance_cpu_platform;
DROP TYPE IF EXISTS instance_state_v2;
DROP TYPE IF EXISTS migration_state;
DROP TYPE IF EXISTS vmm_cpu_platform;
DROP TYPE IF EXISTS vmm_state;
