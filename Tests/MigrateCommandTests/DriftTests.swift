import Postgres
import TestSupport
import Testing

/// `migrate drift`.
@Suite struct DriftTests {
    @Test func `each object that was changed by hand is named, and since when`() async throws {
        let files = Samples.two.merging([
            "0003_double/up.sql": """
            CREATE FUNCTION double(n integer) RETURNS integer LANGUAGE sql AS $$
            SELECT n
                * 2
            $$;
            """
        ]) { $1 }
        try await Project.with(files) { project in
            _ = try await project.migrate("up")
            let clean = try await project.migrate("drift")
            #expect(clean.exitCode == 0, "\(clean.errorOutput)")
            #expect(clean.output == "no drift: the schema is as the migrations make it (version 0003)\n")
            _ = try await project.withSession { session in
                try await session.execute(
                    script: """
                        ALTER TABLE notes ADD COLUMN extra text, ALTER title SET DEFAULT 'none', DROP COLUMN body;
                        CREATE INDEX by_hand ON notes (title);
                        CREATE TABLE unknown (id bigint PRIMARY KEY);
                        CREATE OR REPLACE FUNCTION double(n integer) RETURNS integer LANGUAGE sql AS $$
                        SELECT n
                            + n
                        $$;
                        """
                )
            }
            let run = try await project.migrate("drift")
            #expect(run.exitCode == 7)
            #expect(
                run.output == """
                    unexpected  index public.by_hand
                    changed     function public.double(n integer)
                        -     * 2
                        +     + n
                    missing     column public.notes.body
                    unexpected  column public.notes.extra
                    changed     column public.notes.title
                        - text
                        + text DEFAULT 'none'::text
                    unexpected  table public.unknown

                    drift: 6 objects differ from version 0003; it began after version 0003 was applied

                    """
            )
        }
    }

    @Test func `drift as JSON has every object with both definitions`() async throws {
        try await Project.with(Samples.two) { project in
            _ = try await project.migrate("up")
            _ = try await project.withSession { session in
                try await session.execute(script: "ALTER TABLE notes ALTER body SET NOT NULL")
            }
            let json = try await project.migrate("drift", "--format", "json").json
            #expect(
                Set(json.keys) == [
                    "drift", "version", "differences", "origin", "foreign_extensions", "server_version",
                    "built_on_version", "exit_code",
                ]
            )
            #expect(json["drift"] as? Bool == true)
            let differences = try #require(json["differences"] as? [[String: Any]])
            #expect(differences.count == 1)
            #expect(differences[0]["change"] as? String == "changed")
            #expect(differences[0]["name"] as? String == "public.notes.body")
            #expect(differences[0]["expected"] as? String == "text")
            #expect(differences[0]["found"] as? String == "text NOT NULL")
        }
    }

    @Test func `the history tells after which version the drift began`() async throws {
        try await Project.with(Samples.two) { project in
            _ = try await project.migrate("up", "--to", "1")
            _ = try await project.withSession { try await $0.execute(script: "CREATE TABLE by_hand ()") }
            _ = try await project.migrate("up")
            let run = try await project.migrate("drift")
            #expect(run.exitCode == 7)
            #expect(run.output.contains("it began between version 0001 and version 0002"))
            let forget = "UPDATE migrate_history SET schema_fingerprint = NULL"
            _ = try await project.withSession { try await $0.execute(script: forget) }
            #expect(try await project.migrate("drift").output.contains("at a time that the history does not tell"))
        }
    }

    @Test func `columns in another order are drift`() async throws {
        try await Project.with(Samples.two) { project in
            _ = try await project.migrate("up")
            _ = try await project.withSession { session in
                try await session.execute(
                    script: "ALTER TABLE notes RENAME body TO old; ALTER TABLE notes ADD body text; "
                        + "ALTER TABLE notes DROP old"
                )
            }
            let run = try await project.migrate("drift")
            #expect(run.exitCode == 7)
            #expect(
                run.output.hasPrefix(
                    "changed     column order public.notes\n    - id, body, title\n    + id, title, body\n"
                )
            )
        }
    }

    @Test func `the applied steps of a migration that is applied in part count, and pending ones do not`() async throws
    {
        let files = [
            "0001_notes/up.sql": Samples.notes, "0002_more/01_one.sql": "CREATE TABLE one ()",
            "0002_more/02_two.sql": "SELECT no_such_function()",
        ]
        try await Project.with(files) { project in
            #expect(try await project.migrate("up").exitCode == 1)
            let run = try await project.migrate("drift")
            #expect(run.exitCode == 0, "\(run.output) \(run.errorOutput)")
        }
    }

    @Test func `roles and search_path of the live server are known to the private one`() async throws {
        try await Project.with(["0001_a/up.sql": "CREATE TABLE a (); GRANT SELECT ON a TO some_app"]) { project in
            _ = try await project.withSession { session in
                try await session.execute(
                    script: """
                        CREATE SCHEMA IF NOT EXISTS app;
                        DO $$ BEGIN
                            IF to_regrole('some_app') IS NULL THEN CREATE ROLE some_app; END IF;
                        END $$;
                        """
                )
            }
            #expect(try await project.migrate("up").exitCode == 0)
            let run = try await project.migrate("drift")
            #expect(run.output.contains("unexpected  schema app"), "\(run.output) \(run.errorOutput)")
            #expect(!run.output.contains("table"))
        }
    }

    @Test func `without server programs the message says what to do, and --against needs none`() async throws {
        try await Project.with(Samples.two) { project in
            _ = try await project.migrate("up")
            let environment = [
                "MIGRATE_DATABASE_URL": project.database.connectionString, "VMM_STORE_PG_BIN": "/nonexistent",
            ]
            let run = try await runMigrate(["drift"], in: project.folder, environment: environment)
            #expect(run.exitCode == 1)
            #expect(run.errorOutput.contains("--against URL"))
            try await withDatabase { scratch in
                let against = ["drift", "--against", scratch.connectionString]
                let clean = try await runMigrate(against, in: project.folder, environment: environment)
                #expect(clean.exitCode == 0, "\(clean.errorOutput)")
                let again = try await runMigrate(against, in: project.folder, environment: environment)
                #expect(again.exitCode == 64)
                #expect(again.errorOutput.contains("is not empty: it has"))
            }
        }
    }

    @Test func `edited files are told before anything is compared`() async throws {
        try await Project.with(Samples.two) { project in
            _ = try await project.migrate("up")
            try project.write("0001_notes/up.sql", "CREATE TABLE notes (id bigint)")
            let run = try await project.migrate("drift")
            #expect(run.exitCode == 7)
            #expect(run.errorOutput.contains("was edited after it was applied"))
        }
    }
}
