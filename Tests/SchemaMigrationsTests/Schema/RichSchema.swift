/// A schema with an object of every kind that a fingerprint covers.
enum RichSchema {
    static let types = """
        CREATE SCHEMA app;
        CREATE TYPE app.mood AS ENUM ('sad', 'ok', 'happy');
        CREATE DOMAIN app.positive AS integer NOT NULL DEFAULT 1 CHECK (VALUE > 0);
        CREATE TYPE app.pair AS (a integer, b text);
        CREATE TYPE app.floatrange AS RANGE (subtype = float8, subtype_diff = float8mi);
        CREATE SEQUENCE app.numbers INCREMENT 5 CACHE 10 CYCLE;
        """

    static let tables = """
        CREATE TABLE app.person (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            name text COLLATE "C" NOT NULL,
            full_name text GENERATED ALWAYS AS (upper(name)) STORED,
            mood app.mood DEFAULT 'ok',
            born timestamptz DEFAULT '2020-01-01 00:00:00+00',
            number bigint DEFAULT nextval('app.numbers'),
            score app.positive,
            CONSTRAINT named CHECK (name <> '')
        ) WITH (fillfactor = 70);
        ALTER SEQUENCE app.numbers OWNED BY app.person.number;
        CREATE UNIQUE INDEX person_name ON app.person (lower(name)) INCLUDE (mood) WHERE name <> 'x';
        CREATE TABLE app.pet (
            id integer PRIMARY KEY,
            owner bigint REFERENCES app.person ON DELETE CASCADE,
            CONSTRAINT one_owner UNIQUE (owner, id)
        );
        ALTER TABLE app.pet ADD CONSTRAINT later CHECK (id > 0) NOT VALID;
        CREATE TABLE app.event (at date NOT NULL, kind text) PARTITION BY RANGE (at);
        CREATE TABLE app.event_2026 PARTITION OF app.event FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
        CREATE INDEX event_kind ON app.event (kind);
        CREATE TABLE app.child () INHERITS (app.pet);
        CREATE STATISTICS app.dependent ON id, owner FROM app.pet;
        """

    static let code = """
        CREATE VIEW app.people WITH (security_barrier) AS SELECT p.id, p.name FROM app.person p WHERE p.mood <> 'sad';
        CREATE MATERIALIZED VIEW app.counts AS SELECT mood, count(*) FROM app.person GROUP BY mood;
        CREATE FUNCTION app.double(n integer) RETURNS integer LANGUAGE sql AS 'SELECT n * 2';
        CREATE PROCEDURE app.nothing() LANGUAGE plpgsql AS 'BEGIN END';
        CREATE AGGREGATE app.total(integer) (sfunc = int4pl, stype = integer, initcond = '0');
        CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER touch BEFORE UPDATE ON app.person FOR EACH ROW EXECUTE FUNCTION app.touch();
        CREATE RULE quiet AS ON DELETE TO app.pet DO INSTEAD NOTHING;
        ALTER TABLE app.person ENABLE ROW LEVEL SECURITY;
        CREATE POLICY own ON app.person FOR SELECT USING (name = current_user);
        COMMENT ON TABLE app.person IS 'Somebody';
        COMMENT ON COLUMN app.person.name IS 'Their name';
        CREATE OPERATOR app.=+= (leftarg = integer, rightarg = integer, function = int4eq);
        """

    static let sql = types + tables + code
}
