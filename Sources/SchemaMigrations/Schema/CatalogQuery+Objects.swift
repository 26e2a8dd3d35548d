import Postgres

extension CatalogQuery {
    /// The common table expression `item (kind, name, definition)`, with a line for each object.
    ///
    /// Constants of the catalog: an object number from 16384 on was not made by `initdb`.
    var items: String {
        let schema = PostgresQuery.quote(literal: bookkeepingSchema)
        return #"""
            WITH owned AS MATERIALIZED (
                SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
                    OR (deptype = 'i' AND classid IN ('pg_proc'::regclass, 'pg_cast'::regclass))
            ), space AS MATERIALIZED (
                SELECT oid, nspname, quote_ident(nspname) AS name FROM pg_namespace
                WHERE nspname NOT LIKE 'pg\_%' AND nspname <> 'information_schema'
            ), relation AS MATERIALIZED (
                SELECT c.oid, c.relkind AS kind, space.name || '.' || quote_ident(c.relname) AS name, c.reltoastrelid,
                    c.relpersistence, c.reloptions, c.reloftype, c.relrowsecurity, c.relforcerowsecurity, c.relreplident,
                    c.relpartbound, c.relispartition
                FROM pg_class c JOIN space ON space.oid = c.relnamespace
                WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')
                    AND NOT (space.nspname = \#(schema) AND c.relname LIKE 'migrate\_%')
                    AND NOT EXISTS (SELECT FROM owned e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid)
            ), datatype AS MATERIALIZED (
                SELECT t.*, space.name || '.' || quote_ident(t.typname) AS name
                FROM pg_type t JOIN space ON space.oid = t.typnamespace
                WHERE t.typtype IN ('b', 'd', 'e', 'r') AND t.typcategory <> 'A'
                    AND NOT EXISTS (SELECT FROM owned e WHERE e.classid = 'pg_type'::regclass AND e.objid = t.oid)
            ), routine AS MATERIALIZED (
                SELECT p.oid, p.prokind, space.name || '.' || quote_ident(p.proname)
                    || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS name
                FROM pg_proc p JOIN space ON space.oid = p.pronamespace
                WHERE NOT EXISTS (SELECT FROM owned e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid)
            ), item (kind, name, definition) AS (
                SELECT 'schema', name, '' FROM space
                WHERE nspname <> \#(schema)
                    AND NOT EXISTS (SELECT FROM owned e WHERE e.classid = 'pg_namespace'::regclass AND e.objid = oid)
            UNION ALL
                SELECT 'extension', quote_ident(extname), 'SCHEMA ' || quote_ident(nspname)
                FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace
            UNION ALL
                SELECT 'enum', t.name, (SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder)
                    FROM pg_enum WHERE enumtypid = t.oid)
                FROM datatype t WHERE typtype = 'e'
            UNION ALL
                SELECT 'domain', name, format_type(typbasetype, typtypmod)
                    || CASE WHEN typcollation <> (SELECT b.typcollation FROM pg_type b WHERE b.oid = t.typbasetype)
                        THEN ' COLLATE ' || typcollation::regcollation ELSE '' END
                    || CASE WHEN typnotnull THEN ' NOT NULL' ELSE '' END || coalesce(' DEFAULT ' || typdefault, '')
                FROM datatype t WHERE typtype = 'd'
            UNION ALL
                SELECT 'range type', name, format('SUBTYPE %s COLLATION %s CANONICAL %s DIFF %s',
                    format_type(rngsubtype, NULL), rngcollation::regcollation, rngcanonical, rngsubdiff)
                FROM datatype t JOIN pg_range ON rngtypid = t.oid WHERE typtype = 'r'
            UNION ALL
                SELECT 'base type', name, format('INPUT %s OUTPUT %s LENGTH %s', typinput, typoutput, typlen)
                FROM datatype WHERE typtype = 'b'
            UNION ALL
                SELECT 'composite type', name,
                    (SELECT string_agg(quote_ident(attname) || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
                    FROM pg_attribute WHERE attrelid = relation.oid AND attnum > 0 AND NOT attisdropped)
                FROM relation WHERE kind = 'c'
            UNION ALL
                SELECT 'sequence', name, format('AS %s START %s INCREMENT %s MINVALUE %s MAXVALUE %s CACHE %s%s%s',
                    format_type(seqtypid, NULL), seqstart, seqincrement, seqmin, seqmax, seqcache,
                    CASE WHEN seqcycle THEN ' CYCLE' ELSE '' END,
                    CASE WHEN relpersistence = 'u' THEN ' UNLOGGED' ELSE '' END)
                    || coalesce((SELECT ' OWNED BY ' || refobjid::regclass || '.' || quote_ident(attname)
                        FROM pg_depend JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid
                        WHERE classid = 'pg_class'::regclass AND objid = relation.oid
                            AND refclassid = 'pg_class'::regclass AND deptype IN ('a', 'i')), '')
                FROM relation JOIN pg_sequence ON seqrelid = relation.oid
            UNION ALL
                SELECT 'table', name, concat_ws(' ',
                    (SELECT 'FOREIGN ' || srvname || ' ' || coalesce(ftoptions::text, '')
                        FROM pg_foreign_table JOIN pg_foreign_server s ON s.oid = ftserver WHERE ftrelid = relation.oid),
                    CASE relpersistence WHEN 'u' THEN 'UNLOGGED' END,
                    'OF ' || nullif(reloftype, 0)::regtype,
                    (SELECT CASE WHEN relispartition THEN 'PARTITION OF ' ELSE 'INHERITS ' END
                        || string_agg(inhparent::regclass::text, ', ' ORDER BY inhseqno)
                        FROM pg_inherits WHERE inhrelid = relation.oid),
                    pg_get_expr(relpartbound, oid),
                    CASE kind WHEN 'p' THEN 'PARTITION BY ' || pg_get_partkeydef(oid) END,
                    CASE WHEN relrowsecurity THEN 'ROW SECURITY' END,
                    CASE WHEN relforcerowsecurity THEN 'FORCE ROW SECURITY' END,
                    CASE relreplident WHEN 'n' THEN 'REPLICA IDENTITY NOTHING' WHEN 'f' THEN 'REPLICA IDENTITY FULL' END,
                    'WITH (' || (SELECT string_agg(o, ', ' ORDER BY o COLLATE "C") FROM unnest(reloptions) o) || ')',
                    'TOAST WITH (' || (SELECT string_agg(o, ', ' ORDER BY o COLLATE "C")
                        FROM pg_class toast, unnest(toast.reloptions) o WHERE toast.oid = reltoastrelid) || ')')
                FROM relation WHERE kind IN ('r', 'p', 'f')
            UNION ALL
                SELECT 'column order', relation.name, string_agg(quote_ident(attname), ', ' ORDER BY attnum)
                FROM relation JOIN pg_attribute ON attrelid = relation.oid AND attnum > 0 AND NOT attisdropped
                WHERE kind IN ('r', 'p', 'f') GROUP BY relation.name
            UNION ALL
                SELECT 'column', relation.name || '.' || quote_ident(attname), concat_ws(' ',
                    format_type(atttypid, atttypmod),
                    CASE WHEN attcollation <> typcollation THEN 'COLLATE ' || attcollation::regcollation END,
                    CASE WHEN attnotnull THEN 'NOT NULL' END,
                    CASE attidentity WHEN 'a' THEN 'GENERATED ALWAYS AS IDENTITY'
                        WHEN 'd' THEN 'GENERATED BY DEFAULT AS IDENTITY' END,
                    CASE attgenerated WHEN '' THEN 'DEFAULT ' WHEN 's' THEN 'GENERATED STORED ' ELSE 'GENERATED VIRTUAL ' END
                        || pg_get_expr(adbin, adrelid),
                    CASE WHEN attstorage <> typstorage THEN 'STORAGE ' || attstorage::text END,
                    CASE WHEN attcompression <> '' THEN 'COMPRESSION ' || attcompression::text END,
                    'STATISTICS ' || nullif(attstattarget, -1), 'WITH ' || attoptions::text,
                    'OPTIONS ' || attfdwoptions::text)
                FROM relation JOIN pg_attribute a ON attrelid = relation.oid AND attnum > 0 AND NOT attisdropped
                JOIN pg_type t ON t.oid = atttypid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
                WHERE kind IN ('r', 'p', 'f')
            UNION ALL
                SELECT 'constraint', coalesce(relation.name, datatype.name) || '.' || quote_ident(conname),
                    pg_get_constraintdef(c.oid) || coalesce(' WITH (' || (SELECT string_agg(o, ', ' ORDER BY o COLLATE "C")
                        FROM pg_class i, unnest(i.reloptions) o
                        WHERE i.oid = conindid AND c.contype IN ('p', 'u', 'x')) || ')', '')
                FROM pg_constraint c LEFT JOIN relation ON relation.oid = conrelid
                LEFT JOIN datatype ON datatype.oid = contypid
                WHERE contype IN ('c', 'f', 'p', 'u', 'x') AND coalesce(relation.oid, datatype.oid) IS NOT NULL
            UNION ALL
                SELECT 'index', n.name || '.' || quote_ident(c.relname), pg_get_indexdef(indexrelid)
                    || CASE WHEN indisvalid THEN '' ELSE ' INVALID' END
                    || CASE WHEN indisclustered THEN ' CLUSTER' ELSE '' END
                    || CASE WHEN indisreplident THEN ' REPLICA IDENTITY' ELSE '' END
                    || coalesce((SELECT ' PARTITION OF ' || inhparent::regclass
                        FROM pg_inherits WHERE inhrelid = indexrelid), '')
                FROM pg_index JOIN relation ON relation.oid = indrelid JOIN pg_class c ON c.oid = indexrelid
                JOIN space n ON n.oid = c.relnamespace
                WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND conrelid = indrelid
                    AND contype IN ('p', 'u', 'x'))
                    OR NOT indisvalid OR indisclustered OR indisreplident
            UNION ALL
                SELECT CASE kind WHEN 'v' THEN 'view' ELSE 'materialized view' END, name,
                    coalesce('WITH (' || (SELECT string_agg(o, ', ' ORDER BY o COLLATE "C")
                        FROM unnest(reloptions) o) || ') ', '') || ltrim(pg_get_viewdef(oid))
                FROM relation WHERE kind IN ('v', 'm')
            UNION ALL
                SELECT CASE prokind WHEN 'p' THEN 'procedure' ELSE 'function' END, name, rtrim(pg_get_functiondef(oid), E'\n')
                FROM routine WHERE prokind <> 'a'
            UNION ALL
                SELECT 'aggregate', name, format('KIND %s STATE %s %s FINAL %s INITIAL %L SORT %s', aggkind, aggtransfn,
                    format_type(aggtranstype, NULL), aggfinalfn, agginitval, aggsortop)
                FROM routine JOIN pg_aggregate ON aggfnoid = routine.oid
            UNION ALL
                SELECT 'trigger', relation.name || '.' || quote_ident(tgname), pg_get_triggerdef(t.oid)
                    || CASE tgenabled WHEN 'O' THEN '' WHEN 'D' THEN ' DISABLED' WHEN 'R' THEN ' REPLICA' ELSE ' ALWAYS' END
                FROM pg_trigger t JOIN relation ON relation.oid = tgrelid WHERE NOT tgisinternal
            UNION ALL
                SELECT 'rule', relation.name || '.' || quote_ident(rulename), pg_get_ruledef(r.oid)
                    || CASE ev_enabled WHEN 'O' THEN '' WHEN 'D' THEN ' DISABLED' WHEN 'R' THEN ' REPLICA' ELSE ' ALWAYS' END
                FROM pg_rewrite r JOIN relation ON relation.oid = ev_class WHERE rulename <> '_RETURN'
            UNION ALL
                SELECT 'policy', relation.name || '.' || quote_ident(polname), concat_ws(' ',
                    CASE WHEN polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END, 'FOR ' || polcmd::text,
                    'TO ' || (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE r::regrole::text END, ', '
                        ORDER BY r::regrole::text COLLATE "C") FROM unnest(polroles) r),
                    'USING (' || pg_get_expr(polqual, polrelid) || ')',
                    'WITH CHECK (' || pg_get_expr(polwithcheck, polrelid) || ')')
                FROM pg_policy JOIN relation ON relation.oid = polrelid
            UNION ALL
                SELECT 'statistics', space.name || '.' || quote_ident(stxname), pg_get_statisticsobjdef(s.oid)
                FROM pg_statistic_ext s JOIN space ON space.oid = stxnamespace
            UNION ALL
                SELECT 'event trigger', quote_ident(evtname), format('ON %s TAGS %s EXECUTE %s ENABLED %s',
                    evtevent, evttags, evtfoid::regprocedure, evtenabled)
                FROM pg_event_trigger e
                WHERE NOT EXISTS (SELECT FROM owned m WHERE m.classid = 'pg_event_trigger'::regclass
                    AND m.objid = e.oid)
            UNION ALL
                SELECT o.type, o.identity, ''
                FROM (
                    SELECT 'pg_cast'::regclass AS catalog, oid FROM pg_cast UNION ALL
                    SELECT 'pg_operator'::regclass, oid FROM pg_operator UNION ALL
                    SELECT 'pg_opclass'::regclass, oid FROM pg_opclass UNION ALL
                    SELECT 'pg_opfamily'::regclass, oid FROM pg_opfamily UNION ALL
                    SELECT 'pg_collation'::regclass, oid FROM pg_collation UNION ALL
                    SELECT 'pg_conversion'::regclass, oid FROM pg_conversion UNION ALL
                    SELECT 'pg_language'::regclass, oid FROM pg_language UNION ALL
                    SELECT 'pg_ts_config'::regclass, oid FROM pg_ts_config UNION ALL
                    SELECT 'pg_ts_dict'::regclass, oid FROM pg_ts_dict UNION ALL
                    SELECT 'pg_foreign_data_wrapper'::regclass, oid FROM pg_foreign_data_wrapper UNION ALL
                    SELECT 'pg_foreign_server'::regclass, oid FROM pg_foreign_server UNION ALL
                    SELECT 'pg_publication'::regclass, oid FROM pg_publication
                ) AS other, pg_identify_object(catalog, other.oid, 0) AS o
                WHERE other.oid >= 16384
                    AND NOT EXISTS (SELECT FROM owned e WHERE e.classid = catalog AND e.objid = other.oid)
            UNION ALL
                SELECT 'comment', o.type || ' ' || o.identity, description
                FROM pg_description d, pg_identify_object(classoid, objoid, objsubid) AS o
                WHERE objoid >= 16384 AND classoid <> 'pg_extension'::regclass
                    AND NOT EXISTS (SELECT FROM owned e WHERE e.classid = classoid AND e.objid = objoid)
            )
            """#
    }
}
