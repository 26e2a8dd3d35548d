import TestSupport
import Testing

/// What people get wrong at a prompt: each is told with what it was, and nothing is changed.
@Suite struct MistakeTests {
    @Test func `a typo in a version is told with what was typed`() async throws {
        try await Project.with(["0001_table/up.sql": "CREATE TABLE t ();"]) { project in
            let typo = try await project.migrate("up", "--to", "0O1")
            #expect(typo.exitCode == 64)
            #expect(typo.errorOutput.contains("'0O1'"))
            let unknown = try await project.migrate("up", "--to", "12")
            #expect(unknown.exitCode == 64)
            #expect(unknown.errorOutput.contains("no migration has the version 12; the newest is 0001"))
            #expect(try await project.number("SELECT count(*) FROM pg_class WHERE relname = 't'") == 0)
        }
    }

    @Test func `a folder that is not there is named, with how to name another`() async throws {
        try await Project.with { project in
            for command in ["up", "status", "plan"] {
                let run = try await project.migrate(command)
                #expect(run.exitCode == 1, "\(command)")
                #expect(run.errorOutput.contains("migrations: cannot list the folder"), "\(command)")
                #expect(run.errorOutput.contains("hint: name the folder with --migrations"), "\(command)")
            }
        }
    }

    @Test func `another project's database is recognised, and one that is not there is named`() async throws {
        try await Project.with(["0001_theirs/up.sql": "CREATE TABLE theirs ();"]) { theirs in
            #expect(try await theirs.migrate("up").exitCode == 0)
            try await Project.with(["0001_ours/up.sql": "CREATE TABLE ours ();"]) { ours in
                let environment = ["MIGRATE_DATABASE_URL": theirs.database.connectionString]
                let run = try await runMigrate(["up"], in: ours.folder, environment: environment)
                #expect(run.exitCode == 7)
                #expect(run.errorOutput.contains("0001_ours"))
                #expect(try await theirs.number("SELECT count(*) FROM pg_class WHERE relname = 'ours'") == 0)
                let missing = theirs.database.connectionString.replacing(theirs.database.name, with: "no_such_database")
                let none = try await runMigrate(["up"], in: ours.folder, environment: ["MIGRATE_DATABASE_URL": missing])
                #expect(none.exitCode == 5)
                #expect(none.errorOutput.contains("no_such_database"))
            }
        }
    }
}
