-- One turn of a writer of the previous release, for pgbench: it registers a VMM, moves one on, and lets one fail.
\set n random(1, 100000)
\set m random(1, 100000)
INSERT INTO vmm (id, time_created, instance_id, time_state_updated, state_generation, sled_id, propolis_ip,
    propolis_port, state, cpu_platform)
VALUES (gen_random_uuid(), now(), gen_random_uuid(), now(), 1, gen_random_uuid(), 'fd00::1', 12400, 'creating',
    'sled_default');
UPDATE vmm SET state = 'running', time_state_updated = now(), state_generation = state_generation + 1
WHERE id = md5('vmm' || :n)::uuid AND time_deleted IS NULL;
UPDATE vmm SET state = 'failed', time_state_updated = now(), state_generation = state_generation + 1
WHERE id = md5('vmm' || :m)::uuid AND time_deleted IS NULL;
