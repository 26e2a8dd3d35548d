-- The schema that the migrations make, written by "migrate dump". Change it with a migration, not here.
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SET check_function_bodies = false;
SET client_min_messages = warning;
SELECT pg_catalog.set_config('search_path', '', false);

--
-- Name: instance_auto_restart; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.instance_auto_restart AS ENUM (
    'never',
    'best_effort'
);

--
-- Name: instance_cpu_platform; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.instance_cpu_platform AS ENUM (
    'amd_milan',
    'amd_turin',
    'amd_turin_v2'
);

--
-- Name: instance_intended_state; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.instance_intended_state AS ENUM (
    'running',
    'stopped',
    'guest_shutdown',
    'destroyed'
);

--
-- Name: instance_state_v2; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.instance_state_v2 AS ENUM (
    'creating',
    'no_vmm',
    'vmm',
    'failed',
    'destroyed'
);

--
-- Name: migration_state; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.migration_state AS ENUM (
    'pending',
    'in_progress',
    'failed',
    'completed'
);

--
-- Name: vmm_cpu_platform; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.vmm_cpu_platform AS ENUM (
    'sled_default',
    'amd_milan',
    'amd_turin',
    'amd_turin_v2'
);

--
-- Name: vmm_failure_reason; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.vmm_failure_reason AS ENUM (
    'prehistoric',
    'from_sled_agent',
    'no_such_instance',
    'sled_expunged',
    'sled_off'
);

--
-- Name: vmm_state; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.vmm_state AS ENUM (
    'creating',
    'starting',
    'running',
    'stopping',
    'stopped',
    'rebooting',
    'migrating',
    'failed',
    'destroyed',
    'saga_unwound'
);

--
-- Name: instance; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.instance (
    id uuid NOT NULL,
    name character varying(63) NOT NULL,
    description character varying(512) NOT NULL,
    time_created timestamp with time zone NOT NULL,
    time_modified timestamp with time zone NOT NULL,
    time_deleted timestamp with time zone,
    project_id uuid NOT NULL,
    time_state_updated timestamp with time zone NOT NULL,
    state_generation bigint NOT NULL,
    active_propolis_id uuid,
    target_propolis_id uuid,
    migration_id uuid,
    ncpus bigint NOT NULL,
    memory bigint NOT NULL,
    hostname character varying(63) NOT NULL,
    updater_id uuid,
    updater_gen bigint DEFAULT 0 NOT NULL,
    state public.instance_state_v2 NOT NULL,
    time_last_auto_restarted timestamp with time zone,
    auto_restart_policy public.instance_auto_restart,
    auto_restart_cooldown interval,
    boot_disk_id uuid,
    intended_state public.instance_intended_state NOT NULL,
    cpu_platform public.instance_cpu_platform,
    enable_jumbo_frames boolean NOT NULL,
    CONSTRAINT vmm_iff_active_propolis CHECK (((state = 'vmm'::public.instance_state_v2) = (active_propolis_id IS NOT NULL)))
);

--
-- Name: migration; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.migration (
    id uuid NOT NULL,
    instance_id uuid NOT NULL,
    time_created timestamp with time zone NOT NULL,
    time_deleted timestamp with time zone,
    source_state public.migration_state NOT NULL,
    source_propolis_id uuid NOT NULL,
    source_gen bigint DEFAULT 1 NOT NULL,
    time_source_updated timestamp with time zone,
    target_state public.migration_state NOT NULL,
    target_propolis_id uuid NOT NULL,
    target_gen bigint DEFAULT 1 NOT NULL,
    time_target_updated timestamp with time zone
);

--
-- Name: vmm; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.vmm (
    id uuid NOT NULL,
    time_created timestamp with time zone NOT NULL,
    time_deleted timestamp with time zone,
    instance_id uuid NOT NULL,
    time_state_updated timestamp with time zone NOT NULL,
    state_generation bigint NOT NULL,
    sled_id uuid NOT NULL,
    propolis_ip inet NOT NULL,
    propolis_port integer DEFAULT 12400 NOT NULL,
    state public.vmm_state NOT NULL,
    cpu_platform public.vmm_cpu_platform NOT NULL,
    failure_reason public.vmm_failure_reason,
    CONSTRAINT failure_reason_iff_failed CHECK (((state = 'failed'::public.vmm_state) = (failure_reason IS NOT NULL))),
    CONSTRAINT vmm_propolis_port_range CHECK (((propolis_port >= 0) AND (propolis_port <= 65535)))
);

--
-- Name: sled_instance; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.sled_instance AS
 SELECT instance.id,
    instance.name,
    vmm.sled_id AS active_sled_id,
    instance.time_created,
    instance.time_modified,
    instance.migration_id,
    instance.ncpus,
    instance.memory,
    vmm.state
   FROM (public.instance
     JOIN public.vmm ON ((vmm.id = instance.active_propolis_id)))
  WHERE ((instance.time_deleted IS NULL) AND (vmm.time_deleted IS NULL));

--
-- Name: instance instance_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.instance
    ADD CONSTRAINT instance_pkey PRIMARY KEY (id);

--
-- Name: migration migration_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.migration
    ADD CONSTRAINT migration_pkey PRIMARY KEY (id);

--
-- Name: vmm vmm_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.vmm
    ADD CONSTRAINT vmm_pkey PRIMARY KEY (id);

--
-- Name: active_vmm; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX active_vmm ON public.vmm USING btree (time_deleted, sled_id, instance_id);

--
-- Name: lookup_instance_by_project; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX lookup_instance_by_project ON public.instance USING btree (project_id, name) WHERE (time_deleted IS NULL);

--
-- Name: lookup_instance_by_state; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX lookup_instance_by_state ON public.instance USING btree (state) WHERE (time_deleted IS NULL);

--
-- Name: lookup_migrations_by_instance_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX lookup_migrations_by_instance_id ON public.migration USING btree (instance_id);

--
-- Name: lookup_vmms_by_sled_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX lookup_vmms_by_sled_id ON public.vmm USING btree (sled_id) WHERE (time_deleted IS NULL);

--
-- Name: migrations_by_time_created; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX migrations_by_time_created ON public.migration USING btree (time_created);

--
-- Name: vmm_by_instance_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX vmm_by_instance_id ON public.vmm USING btree (instance_id) INCLUDE (sled_id);
