-- 100,000 VMMs as a service of the previous release has left them: one in twenty failed, some of these soft-deleted.
-- Its SQL knows nothing of failure reasons.
INSERT INTO vmm (id, time_created, time_deleted, instance_id, time_state_updated, state_generation, sled_id,
    propolis_ip, propolis_port, state, cpu_platform)
SELECT md5('vmm' || n)::uuid, now() - interval '30 days', CASE WHEN n % 60 = 0 THEN now() END,
    md5('instance' || n)::uuid, now() - interval '1 day', 3, md5('sled' || n % 500)::uuid,
    'fd00::'::inet + n, 12400,
    CASE WHEN n % 20 = 0 THEN 'failed' WHEN n % 7 = 0 THEN 'stopped' ELSE 'running' END::vmm_state, 'amd_milan'
FROM generate_series(1, 100000) AS n;
ANALYZE vmm;
