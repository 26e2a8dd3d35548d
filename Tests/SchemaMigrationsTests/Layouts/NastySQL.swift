/// Files such as real projects have, made from templates whose SQL is hard to take apart.
enum NastySQL {
    /// Every template once in each round; a template's files keep their order, with others between them.
    static func corpus(rounds: Int, shift: Int) -> [String] {
        var files: [String] = []
        for round in 0..<rounds {
            let number = round + 1
            let rotated = templates.indices.map { templates[($0 + shift + round) % templates.count] }
            let made = rotated.map { $0(number) }
            for position in 0..<(made.map(\.count).max() ?? 0) {
                files += made.compactMap { position < $0.count ? $0[position] : nil }
            }
        }
        return files
    }

    private static let templates: [@Sendable (Int) -> [String]] = [
        comments, nestedQuotes, standardBodies, block, labels, labelsInOneFile, ownTransaction, severalTransactions,
        concurrently, concurrentlyAmongOthers, dump, procedure, committingBlock, searchPath, rolledBack, partitions,
        strings, rules, schemaWithElements, features, maintenance, dollarNames, temporary, newline,
    ]

    private static func comments(_ n: Int) -> [String] {
        [
            """
            /* outer; /* inner; -- BEGIN; */ still; */
            CREATE TABLE comments_\(n) ( -- COMMIT;
                "id" int PRIMARY KEY, /* ; */ "Order" text DEFAULT E'it\\'s; -- not a comment',
                note text DEFAULT 'a -- b /* c */; d'
            ); -- end;
            INSERT INTO comments_\(n) VALUES (1); /* VACUUM; */
            COMMENT ON TABLE comments_\(n) IS 'semi;colon
            and a line';
            """
        ]
    }

    private static func nestedQuotes(_ n: Int) -> [String] {
        [
            """
            CREATE OR REPLACE FUNCTION nested_\(n)(a int) RETURNS text LANGUAGE plpgsql AS $fn$
            DECLARE q text := $q$ SELECT ';' || $$x;$$ $q$;
            BEGIN
                EXECUTE format($f$ SELECT %L; $f$, q);
                IF a > 1 THEN RETURN 'commit;'; END IF;
                RETURN q;
            EXCEPTION WHEN others THEN
                RETURN $$rollback;$$;
            END $fn$;
            CREATE FUNCTION nested_sql_\(n)() RETURNS int LANGUAGE sql AS 'SELECT 1; SELECT length(''a;b'');';
            """,
            "CREATE VIEW nested_view_\(n) AS SELECT nested_\(n)(1) AS \"a;b\", nested_sql_\(n)() AS c;",
        ]
    }

    private static func standardBodies(_ n: Int) -> [String] {
        [
            """
            CREATE TABLE atomic_\(n) (atomic int, "begin" int);
            CREATE FUNCTION begin_atomic_\(n)(atomic int) RETURNS int LANGUAGE sql
            BEGIN ATOMIC
                SELECT CASE WHEN atomic > 1 THEN CASE atomic WHEN 2 THEN 3 END ELSE 4 END;
                SELECT "begin" FROM atomic_\(n);
            END;
            CREATE OR REPLACE PROCEDURE fill_atomic_\(n)(a int)
            BEGIN ATOMIC
                INSERT INTO atomic_\(n) VALUES (a, 1);
                INSERT INTO atomic_\(n) VALUES (a, 2);
            END;
            CALL fill_atomic_\(n)(\(n));
            SELECT begin_atomic_\(n)(1);
            """
        ]
    }

    private static func block(_ n: Int) -> [String] {
        [
            """
            DO $do$
            DECLARE i int;
            BEGIN
                FOR i IN 1..3 LOOP
                    EXECUTE format('CREATE TABLE %I (a int DEFAULT %L);', 'Made ' || \(n) || ' ' || i, i);
                END LOOP;
                BEGIN
                    RAISE EXCEPTION 'undone;';
                EXCEPTION WHEN raise_exception THEN NULL;
                END;
            END
            $do$;
            """
        ]
    }

    private static func labels(_ n: Int) -> [String] {
        [
            "CREATE TYPE mood_\(n) AS ENUM ('sad', 'ok'); CREATE TABLE person_\(n) (m mood_\(n));",
            "ALTER TYPE mood_\(n) ADD VALUE 'happy' BEFORE 'ok';",
            "ALTER TYPE mood_\(n) ADD VALUE IF NOT EXISTS 'it''s;complicated';",
            """
            ALTER TABLE person_\(n) ALTER m SET DEFAULT 'happy';
            INSERT INTO person_\(n) VALUES ('it''s;complicated'), (DEFAULT);
            CREATE INDEX ON person_\(n) (m) WHERE m = 'happy';
            """,
        ]
    }

    private static func labelsInOneFile(_ n: Int) -> [String] {
        [
            """
            CREATE TYPE size_\(n) AS ENUM ('s');
            ALTER TYPE size_\(n) ADD VALUE 'm';
            ALTER TYPE size_\(n) ADD VALUE 'l';
            CREATE TABLE shirt_\(n) (s size_\(n) DEFAULT 'l');
            INSERT INTO shirt_\(n) DEFAULT VALUES;
            """
        ]
    }

    private static func ownTransaction(_ n: Int) -> [String] {
        [
            """
            -- as many tools advise
            BEGIN;

            CREATE TABLE wrapped_\(n) (id bigint GENERATED ALWAYS AS IDENTITY, v text);
            INSERT INTO wrapped_\(n) (v) VALUES ('é; ü'), ('BEGIN;'), ('COMMIT;');

            COMMIT;
            """,
            "START TRANSACTION ISOLATION LEVEL SERIALIZABLE;\nUPDATE wrapped_\(n) SET v = 'x' WHERE id = 1;\nEND;",
        ]
    }

    private static func severalTransactions(_ n: Int) -> [String] {
        [
            """
            BEGIN; SET LOCAL search_path = pg_catalog; CREATE TABLE public.twice_\(n) (a int); COMMIT;
            CREATE TABLE twice_second_\(n) (a int);
            BEGIN TRANSACTION; INSERT INTO twice_\(n) VALUES (1); SAVEPOINT s; INSERT INTO twice_\(n) VALUES (2);
            ROLLBACK TO s; INSERT INTO twice_\(n) VALUES (3); COMMIT AND CHAIN; INSERT INTO twice_\(n) VALUES (4); COMMIT;
            """
        ]
    }

    private static func concurrently(_ n: Int) -> [String] {
        [
            "CREATE TABLE indexed_\(n) AS SELECT g AS a FROM generate_series(1, 10) g;",
            "-- large\nCREATE INDEX CONCURRENTLY IF NOT EXISTS indexed_a_\(n) ON indexed_\(n) (a);\n",
            "CREATE UNIQUE INDEX CONCURRENTLY indexed_b_\(n) ON indexed_\(n) (a); DROP INDEX CONCURRENTLY indexed_a_\(n);",
        ]
    }

    private static func concurrentlyAmongOthers(_ n: Int) -> [String] {
        [
            """
            CREATE SCHEMA IF NOT EXISTS app;
            SET search_path = app, public;
            CREATE TABLE mixed_\(n) (a int, b int);
            CREATE INDEX CONCURRENTLY mixed_a_\(n) ON mixed_\(n) (a);
            ALTER TABLE mixed_\(n) ADD CONSTRAINT mixed_check_\(n) CHECK (a > 0) NOT VALID;
            REINDEX INDEX CONCURRENTLY mixed_a_\(n);
            ALTER TABLE mixed_\(n) VALIDATE CONSTRAINT mixed_check_\(n);
            """
        ]
    }

    private static func dump(_ n: Int) -> [String] {
        [
            """
            --
            -- PostgreSQL database dump
            --

            \\restrict 9fKq\(n)xYz

            SET statement_timeout = 0;
            SET lock_timeout = 0;
            SET idle_in_transaction_session_timeout = 0;
            SET client_encoding = 'UTF8';
            SET standard_conforming_strings = on;
            SELECT pg_catalog.set_config('search_path', '', false);
            SET check_function_bodies = false;
            SET xmloption = content;
            SET client_min_messages = warning;
            SET row_security = off;
            SET default_tablespace = '';
            SET default_table_access_method = heap;

            CREATE TABLE public.dumped_\(n) (
                id integer NOT NULL,
                body text DEFAULT '
            \\restrict is text here'::text
            );

            CREATE SEQUENCE public.dumped_\(n)_id_seq AS integer START WITH 1 INCREMENT BY 1 NO MINVALUE NO MAXVALUE CACHE 1;
            ALTER SEQUENCE public.dumped_\(n)_id_seq OWNED BY public.dumped_\(n).id;
            ALTER TABLE ONLY public.dumped_\(n) ALTER COLUMN id SET DEFAULT nextval('public.dumped_\(n)_id_seq'::regclass);
            INSERT INTO public.dumped_\(n) VALUES (7, 'a;b');
            SELECT pg_catalog.setval('public.dumped_\(n)_id_seq', 7, true);
            ALTER TABLE ONLY public.dumped_\(n) ADD CONSTRAINT dumped_\(n)_pkey PRIMARY KEY (id);

            --
            -- PostgreSQL database dump complete
            --

            \\unrestrict 9fKq\(n)xYz

            """,
            "CREATE TABLE after_dump_\(n) (id int REFERENCES dumped_\(n));",
        ]
    }

    private static func procedure(_ n: Int) -> [String] {
        [
            """
            CREATE TABLE worked_\(n) (a int);
            CREATE PROCEDURE work_\(n)() LANGUAGE plpgsql AS $$
            BEGIN
                FOR i IN 1..3 LOOP INSERT INTO worked_\(n) VALUES (i); COMMIT; END LOOP;
                INSERT INTO worked_\(n) VALUES (99); ROLLBACK;
            END $$;
            CALL work_\(n)();
            DROP PROCEDURE work_\(n)();
            """
        ]
    }

    private static func committingBlock(_ n: Int) -> [String] {
        [
            "CREATE TABLE steps_\(n) (a int);\nDO $$ BEGIN INSERT INTO steps_\(n) VALUES (1); COMMIT; END $$;\n"
                + "INSERT INTO steps_\(n) VALUES (2);"
        ]
    }

    private static func searchPath(_ n: Int) -> [String] {
        [
            "CREATE SCHEMA other_\(n); SET search_path TO other_\(n); CREATE TABLE here_\(n) (a int);",
            "CREATE TABLE here_\(n) (b int); SET SESSION work_mem = '5MB';",
        ]
    }

    private static func rolledBack(_ n: Int) -> [String] {
        [
            "CREATE TABLE kept_\(n) (a int);\nBEGIN;\nCREATE TABLE lost_\(n) (a int);\nROLLBACK;\n"
                + "INSERT INTO kept_\(n) VALUES (1);"
        ]
    }

    private static func partitions(_ n: Int) -> [String] {
        [
            """
            CREATE TABLE log_\(n) (at date NOT NULL, v int) PARTITION BY RANGE (at);
            CREATE TABLE log_\(n)_a PARTITION OF log_\(n) FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
            CREATE TABLE log_\(n)_b PARTITION OF log_\(n) FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
            INSERT INTO log_\(n) VALUES ('2026-05-05', 1), ('2027-05-05', 2);
            """,
            "ALTER TABLE log_\(n) DETACH PARTITION log_\(n)_a CONCURRENTLY;",
        ]
    }

    private static func strings(_ n: Int) -> [String] {
        [
            """
            CREATE TABLE strings_\(n) AS SELECT U&'d\\0061t\\+000061;' AS a, E'\\n;\\'' AS b, B'101' AS c, X'1F' AS d,
                'two '
                'parts;' AS e, N'n;' AS f, $$it's $1; $notatag$$ AS g, 'back\\slash' AS "h;\"\"i";
            """
        ]
    }

    private static func rules(_ n: Int) -> [String] {
        [
            """
            CREATE TABLE ruled_\(n) (a int);
            CREATE TABLE ruled_log_\(n) (a int, t text);
            CREATE RULE both_\(n) AS ON INSERT TO ruled_\(n) DO ALSO (
                INSERT INTO ruled_log_\(n) VALUES (new.a, 'one;'); INSERT INTO ruled_log_\(n) VALUES (new.a, 'two');
            );
            INSERT INTO ruled_\(n) VALUES (1);
            """
        ]
    }

    private static func schemaWithElements(_ n: Int) -> [String] {
        [
            "CREATE SCHEMA owned_\(n) CREATE TABLE a (x int) CREATE VIEW b AS SELECT x FROM a; "
                + "GRANT USAGE ON SCHEMA owned_\(n) TO PUBLIC; COMMENT ON SCHEMA owned_\(n) IS $$;$$;"
        ]
    }

    private static func features(_ n: Int) -> [String] {
        [
            """
            CREATE DOMAIN positive_\(n) AS int CHECK (VALUE > 0);
            CREATE TYPE pair_\(n) AS (a int, b text);
            CREATE TABLE feature_\(n) (
                id positive_\(n) PRIMARY KEY, p pair_\(n)[], r int4range, EXCLUDE USING gist (r WITH &&),
                double int GENERATED ALWAYS AS (id * 2) STORED, UNIQUE NULLS NOT DISTINCT (double)
            );
            CREATE FUNCTION touch_\(n)() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;
            CREATE TRIGGER touch BEFORE UPDATE ON feature_\(n) FOR EACH ROW WHEN (OLD.r IS DISTINCT FROM NEW.r)
                EXECUTE FUNCTION touch_\(n)();
            CREATE MATERIALIZED VIEW seen_\(n) AS SELECT id FROM feature_\(n) WITH NO DATA;
            ALTER TABLE feature_\(n) ENABLE ROW LEVEL SECURITY;
            CREATE POLICY own ON feature_\(n) FOR ALL USING (id > 0) WITH CHECK (id < 10);
            CREATE STATISTICS stat_\(n) ON id, double FROM feature_\(n);
            CREATE SCHEMA operators_\(n); CREATE OPERATOR operators_\(n).=== (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq);
            CREATE AGGREGATE total_\(n)(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
            """,
            "REFRESH MATERIALIZED VIEW seen_\(n); INSERT INTO feature_\(n) VALUES (1, ARRAY[(1, 'a;')]::pair_\(n)[]);",
        ]
    }

    private static func maintenance(_ n: Int) -> [String] {
        [
            "CREATE TABLE maintained_\(n) (a int PRIMARY KEY); CLUSTER maintained_\(n) USING maintained_\(n)_pkey;"
                + "VACUUM (ANALYZE) maintained_\(n); REINDEX TABLE maintained_\(n); ANALYZE maintained_\(n);"
        ]
    }

    private static func dollarNames(_ n: Int) -> [String] {
        [
            "CREATE TABLE a$b$c_\(n) (x$y$ int, \"$$\" text DEFAULT ';'); SELECT x$y$ AS end FROM a$b$c_\(n);\n"
                + "PREPARE q_\(n)(int) AS SELECT $1; EXECUTE q_\(n)(1); DEALLOCATE q_\(n);"
        ]
    }

    private static func temporary(_ n: Int) -> [String] {
        [
            "CREATE TEMP TABLE scratch_\(n) AS SELECT 1 AS a;\nCREATE TABLE from_scratch_\(n) AS SELECT * FROM scratch_\(n);\n"
                + "VACUUM from_scratch_\(n);\nINSERT INTO from_scratch_\(n) SELECT a + 1 FROM scratch_\(n);"
        ]
    }

    private static func newline(_ n: Int) -> [String] {
        [
            "\u{FEFF}CREATE TABLE windows_\(n) (a text DEFAULT 'x');\r\n\r\nCOMMENT ON TABLE windows_\(n) IS 'y';\r\n",
            "", "-- gone\n",
        ]
    }
}
