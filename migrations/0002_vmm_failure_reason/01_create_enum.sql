-- Why a VMM failed. The first label is for those that failed before reasons were recorded.
--
-- CREATE TYPE has no IF NOT EXISTS. A type that exists must have exactly these labels in this order.
DO $$
BEGIN
    IF to_regtype('vmm_failure_reason') IS NULL THEN
        CREATE TYPE vmm_failure_reason AS ENUM (
            'prehistoric', 'from_sled_agent', 'no_such_instance', 'sled_expunged', 'sled_off'
        );
    ELSIF enum_range(NULL::vmm_failure_reason)::text[] <> ARRAY[
        'prehistoric', 'from_sled_agent', 'no_such_instance', 'sled_expunged', 'sled_off'
    ] THEN
        RAISE EXCEPTION 'type vmm_failure_reason exists with other labels'
            USING DETAIL = format('Found %s.', enum_range(NULL::vmm_failure_reason));
    END IF;
END
$$;
