import ArgumentParser
import CommandSupport
import Testing

@testable import MigrateCommand

/// How the command line and the environment are read.
@Suite struct OptionTests {
    @Test(arguments: [
        (["--local", "up"], ["up", "--local"]),
        (["--database-url", "x", "up", "--to", "3"], ["up", "--database-url", "x", "--to", "3"]),
        (["--format=json", "local", "--quiet", "start"], ["local", "start", "--format=json", "--quiet"]),
        (["up", "--to", "3"], ["up", "--to", "3"]),
        (["--format", "json", "status", "--format", "text"], ["status", "--format", "json", "--format", "text"]),
        (["--local"], ["--local"]),
        (["--unknown", "up"], ["--unknown", "up"]),
    ])
    func `global options may stand before the subcommand`(given: [String], expected: [String]) {
        #expect(ArgumentOrder.globalOptionsLast(given) == expected)
    }

    @Test(arguments: [
        "--database-url x", "--migrations x", "--schema x", "--local", "--format json", "--verbose", "--quiet",
        "--no-color", "--log-level info",
    ])
    func `every global option is taken before and after the subcommand`(option: String) throws {
        let words = option.split(separator: " ").map(String.init)
        for arguments in [words + ["status"], ["status"] + words] {
            #expect(throws: Never.self) { _ = try MigrateProgram.command(for: arguments) }
        }
    }

    /// Every command that has no commands below it, with what it cannot do without.
    static let commands = [
        ["up"], ["status"], ["plan"], ["verify"], ["drift"], ["down", "--to", "1"], ["dump"], ["new", "a"],
        ["baseline", "--at", "1"], ["repair", "--at", "1"], ["pause"], ["resume"], ["wait"], ["local", "start"],
        ["local", "stop"],
        ["local", "url"], ["local", "reset"], ["history"], ["doctor"],
    ]

    @Test func `only lint writes what code hosts read`() throws {
        let all = Migrate.configuration.subcommands.map { $0._commandName }
        #expect(Set(all) == Set(Self.commands.map { $0[0] } + ["lint"]))
        for format in ["github", "sarif"] {
            #expect(throws: Never.self) { _ = try MigrateProgram.command(for: ["lint", "--format", format]) }
            for command in Self.commands {
                #expect(throws: Never.self) { _ = try MigrateProgram.command(for: command + ["--format", "json"]) }
                let error = #expect(throws: (any Error).self) {
                    _ = try MigrateProgram.command(for: command + ["--format", format])
                }
                let refusal = try #require(error, "\(command)")
                #expect(Migrate.exitCode(for: refusal).rawValue == 64)
                #expect(Migrate.fullMessage(for: refusal).contains("'\(format)' is invalid for '--format"))
            }
        }
    }

    @Test func `the option wins over the variables, and these over libpq's`() throws {
        var environment = ["PGHOST": "a", "DATABASE_URL": "b", "MIGRATE_DATABASE_URL": "c"]
        #expect(try DatabaseChoice.choose(url: "d", isLocal: false, environment: environment) == .connectionString("d"))
        #expect(try DatabaseChoice.choose(url: nil, isLocal: true, environment: environment) == .local)
        #expect(try DatabaseChoice.choose(url: nil, isLocal: false, environment: environment) == .connectionString("c"))
        environment["MIGRATE_DATABASE_URL"] = ""
        #expect(try DatabaseChoice.choose(url: nil, isLocal: false, environment: environment) == .connectionString("b"))
        environment["DATABASE_URL"] = nil
        #expect(try DatabaseChoice.choose(url: nil, isLocal: false, environment: environment) == .libpqEnvironment)
        environment["PGHOST"] = nil
        #expect(throws: DatabaseChoiceError.self) {
            try DatabaseChoice.choose(url: nil, isLocal: false, environment: environment)
        }
        #expect(throws: DatabaseChoiceError.self) {
            try DatabaseChoice.choose(url: "", isLocal: false, environment: ["PGHOST": "a"])
        }
    }

    @Test(arguments: [
        "postgresql://u:p@w@h/db", "postgresql://u:p/w@h/db", "postgresql://u:p?w@h/db", "postgresql://u:1/w@h/db",
        "postgresql://u:p:w@h@i/db", "postgresql://u:p#w@h/db",
    ])
    func `a URL whose password libpq would misread is refused`(url: String) {
        #expect(throws: DatabaseChoiceError.misread) {
            try DatabaseChoice.choose(url: url, isLocal: false, environment: [:])
        }
    }

    @Test(arguments: [
        "postgresql://h/db", "postgresql://u@h:5432/db", "postgresql://u:p%40w@h/db", "postgresql://u:p:w@h/db",
        "postgresql://[::1]:5432/db", "postgresql://u:p@h1:1,h2:2/db?user=a@b", "postgresql:///db?host=/tmp",
        "host=h password=p@w", "postgresql://u@%2Ftmp%2Fx/db",
    ])
    func `a URL that is read as it is meant is taken`(url: String) throws {
        #expect(try DatabaseChoice.choose(url: url, isLocal: false, environment: [:]) == .connectionString(url))
    }

    @Test(arguments: [
        ([], "0001"), (["0001_a", "0002_b"], "0003"), (["README.md", "0009_a"], "0010"), (["9_a"], "10"),
        (["20260101_a"], "20260102"), (["000041_a", "000007_b"], "000042"), (["9999_a"], "10000"),
    ])
    func `the next version is as wide as the newest`(folders: [String], version: String) throws {
        #expect(try MigrationScaffold.nextVersion(after: folders) == version)
    }

    @Test func `passwords are taken out of texts that quote the command line`() {
        #expect(Redaction.withoutPasswords("'postgres://u:se@c@h/db'") == "'postgres://u:…@h/db'")
        #expect(Redaction.withoutPasswords("host=h password=abc dbname=d") == "host=h password=… dbname=d")
        #expect(Redaction.withoutPasswords("password = 'a b' x") == "password = … x")
    }
}
