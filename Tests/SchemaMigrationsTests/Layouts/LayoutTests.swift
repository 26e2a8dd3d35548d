import Foundation
import Testing

@testable import SchemaMigrations

@Suite struct LayoutTests {
    static let table = "CREATE TABLE t (a int);\n"
    static let drop = "DROP TABLE t;\n"

    struct Sample: CustomTestStringConvertible {
        let layout: MigrationLayout
        let files: [String: String]
        let versions: [String]
        let numbers: [Int64]
        let names: [String]
        let steps: [String]
        let downs: Int
        var testDescription: String { layout.rawValue }
    }

    static let samples = [
        Sample(
            layout: .golangMigrate,
            files: [
                "000001_init.up.sql": table, "000001_init.down.sql": drop, "000010_more.up.sql": table,
                "20260301120000_dated.up.sql": table, "embed.go": "package migrations",
            ],
            versions: ["000001", "000010", "20260301120000"],
            numbers: [1, 10, 20_260_301_120_000],
            names: ["init", "more", "dated"],
            steps: ["up"],
            downs: 1
        ),
        Sample(
            layout: .dbmate,
            files: [
                "20260301120000_init.sql": "-- migrate:up\n\(table)\n-- migrate:down\n\(drop)",
                "20260302120000_index.sql": "\n--  migrate:up transaction:false\n\(table)",
            ],
            versions: ["20260301120000", "20260302120000"],
            numbers: [20_260_301_120_000, 20_260_302_120_000],
            names: ["init", "index"],
            steps: ["up"],
            downs: 1
        ),
        Sample(
            layout: .diesel,
            files: [
                "00000000000000_diesel_initial_setup/up.sql": table,
                "00000000000000_diesel_initial_setup/down.sql": drop,
                "2026-03-01-120000_users/up.sql": table, "2026-03-01-120000_users/down.sql": drop,
                "2026-03-01-120000_users/metadata.toml": "run_in_transaction = false", ".keep": "",
            ],
            versions: ["00000000000000", "20260301120000"],
            numbers: [0, 20_260_301_120_000],
            names: ["diesel_initial_setup", "users"],
            steps: ["up"],
            downs: 2
        ),
        Sample(
            layout: .prisma,
            files: [
                "migration_lock.toml": "# kept by Prisma\nprovider = \"postgresql\"\n", "0_init/migration.sql": table,
                "20260301120000_users/migration.sql": table, "20260301120000_users/down.sql": drop,
            ],
            versions: ["0", "20260301120000"],
            numbers: [0, 20_260_301_120_000],
            names: ["init", "users"],
            steps: ["migration"],
            downs: 1
        ),
        Sample(
            layout: .flyway,
            files: [
                "V1__init.sql": table, "U1__init.sql": drop, "V1.2__more.sql": table, "sub/V1_10__later.sql": table,
                "V2__two.sql": table, "V2__two.sql.conf": "executeInTransaction=false", "V20260301120000__d.sql": table,
            ],
            versions: ["1", "1.2", "1.10", "2", "20260301120000"],
            numbers: [1_000_000_000, 1_002_000_000, 1_010_000_000, 2_000_000_000, 1_002_026_030_112_000_000],
            names: ["init", "more", "later", "two", "d"],
            steps: ["up"],
            downs: 1
        ),
    ]

    @Test(arguments: samples)
    func `a layout is recognised and read in the order of its versions`(_ sample: Sample) throws {
        let source = try MigrationSource(files: sample.files)
        #expect(source.layout == sample.layout)
        #expect(source.migrations.map(\.version.description) == sample.versions)
        #expect(source.migrations.map(\.version.number) == sample.numbers)
        #expect(source.migrations.map(\.name) == sample.names)
        #expect(source.migrations.allSatisfy { $0.steps.map(\.name) == sample.steps })
        #expect(source.migrations.count { $0.down != nil } == sample.downs)
        for migration in source.migrations {
            #expect(migration.steps[0].file.text.trimmingPrefix(while: \.isWhitespace).hasPrefix("CREATE TABLE t"))
            #expect(migration.down?.text.contains("DROP TABLE t") ?? true)
            #expect(!migration.steps[0].file.text.contains("DROP"))
        }
    }

    @Test(arguments: samples)
    func `a layout on disk gives what the same texts in memory give`(_ sample: Sample) throws {
        let embedded = try MigrationSource(files: sample.files)
        try withFolder(sample.files.mapValues { Array($0.utf8) }) { root in
            let loaded = try MigrationSource.load(from: root)
            #expect(loaded.layout == embedded.layout)
            #expect(loaded.migrations.map(\.folder) == embedded.migrations.map(\.folder))
            #expect(loaded.migrations.map(\.path) == embedded.migrations.map { "\(root)/\($0.path)" })
            let checksums = embedded.migrations.flatMap { $0.steps.map(\.file.checksum) }
            #expect(loaded.migrations.flatMap { $0.steps.map(\.file.checksum) } == checksums)
        }
    }

    @Test(arguments: samples)
    func `line ends and a byte-order mark change no checksum in any layout`(_ sample: Sample) throws {
        let plain = try MigrationSource(files: sample.files)
        let other = try MigrationSource(
            files: sample.files.mapValues { "\u{FEFF}" + $0.replacing("\n", with: "\r\n") }
        )
        let checksums = plain.migrations.flatMap { $0.steps.map(\.file.checksum) }
        #expect(other.migrations.flatMap { $0.steps.map(\.file.checksum) } == checksums)
    }

    struct Refused: CustomTestStringConvertible {
        let name: String
        let files: [String: String]
        var layout: MigrationLayout?
        let code: MigrationError.Code
        let place: String
        let says: String
        var testDescription: String { name }
    }

    static let refusals = [
        Refused(
            name: "two tools",
            files: ["1_a.up.sql": table, "V1__a.sql": table],
            code: .ambiguousLayout,
            place: "",
            says: "golang-migrate (1_a.up.sql) and like flyway (V1__a.sql)"
        ),
        Refused(
            name: "Sqitch",
            files: ["sqitch.plan": "", "deploy/a.sql": table],
            code: .unsupportedLayout,
            place: "",
            says: "Sqitch"
        ),
        Refused(
            name: "goose",
            files: ["1_a.sql": "-- +goose Up\n\(table)"],
            code: .unsupportedLayout,
            place: "",
            says: "goose"
        ),
        Refused(
            name: "golang-migrate, same version",
            files: ["01_a.up.sql": table, "1_b.up.sql": table],
            code: .duplicateVersion,
            place: "1_b.up.sql",
            says: "taken by 01_a"
        ),
        Refused(
            name: "golang-migrate, only down",
            files: ["1_a.up.sql": table, "2_b.down.sql": drop],
            code: .noSteps,
            place: "2_b.down.sql",
            says: "no way there"
        ),
        Refused(
            name: "golang-migrate, stray",
            files: ["1_a.up.sql": table, "schema.sql": table],
            code: .unexpectedEntry,
            place: "schema.sql",
            says: "ignore"
        ),
        Refused(
            name: "dbmate without a section",
            files: ["1_a.sql": "-- migrate:up\n", "2_b.sql": table],
            code: .noSteps,
            place: "2_b.sql",
            says: "migrate:up"
        ),
        Refused(
            name: "dbmate with SQL before the section",
            files: ["1_a.sql": "-- x\nSELECT 1;\n-- migrate:up\n"],
            code: .unexpectedEntry,
            place: "1_a.sql:2:1",
            says: "no section"
        ),
        Refused(
            name: "Diesel without up.sql",
            files: ["2026-03-01-120000_a/down.sql": drop],
            code: .noSteps,
            place: "2026-03-01-120000_a",
            says: "no up.sql"
        ),
        Refused(
            name: "Prisma for another database",
            files: ["migration_lock.toml": "provider = \"mysql\"", "1_a/migration.sql": table],
            code: .unsupportedFeature,
            place: "migration_lock.toml",
            says: "mysql"
        ),
        Refused(
            name: "Prisma without a number",
            files: ["migration_lock.toml": "", "users/migration.sql": table],
            code: .invalidFolderName,
            place: "users",
            says: "Prisma"
        ),
        Refused(
            name: "Flyway's repeatables",
            files: ["V1__a.sql": table, "R__views.sql": table],
            code: .unsupportedFeature,
            place: "R__views.sql",
            says: "repeatable"
        ),
        Refused(
            name: "Flyway's callbacks",
            files: ["V1__a.sql": table, "afterMigrate.sql": table],
            code: .unexpectedEntry,
            place: "afterMigrate.sql",
            says: "neither a versioned"
        ),
        Refused(
            name: "Flyway, same version",
            files: ["V1.0__a.sql": table, "V1__b.sql": table],
            code: .duplicateVersion,
            place: "V1__b.sql",
            says: "version 1 is taken by V1.0__a"
        ),
        Refused(
            name: "Flyway, too many dots",
            files: ["V1.2.3.4.5__a.sql": table],
            code: .invalidFolderName,
            place: "V1.2.3.4.5__a.sql",
            says: "beyond what can be ordered"
        ),
        Refused(
            name: "Flyway, unknown setting",
            files: ["V1__a.sql": table, "V1__a.sql.conf": "# x\nshouldExecute=false"],
            code: .unsupportedFeature,
            place: "V1__a.sql.conf:2",
            says: "shouldExecute=false"
        ),
    ]

    @Test(arguments: refusals)
    func `what a layout cannot do is refused with its place`(_ refused: Refused) throws {
        do throws(MigrationError) {
            _ = try MigrationSource(files: refused.files, layout: refused.layout)
            Issue.record("was accepted")
        } catch {
            #expect(error.code == refused.code)
            #expect(error.location?.description == refused.place)
            #expect(error.message.contains(refused.says), "\(error.message)")
        }
    }

    @Test func `a layout that is named is not guessed`() throws {
        let files = ["1_a.up.sql": Self.table, "V1__a.sql": Self.table]
        #expect(throws: MigrationError.self) { try MigrationSource(files: files) }
        let flyway = ["V1__a.sql": Self.table, "2_b/up.sql": Self.table]
        let error = #expect(throws: MigrationError.self) { try MigrationSource(files: flyway, layout: .folders) }
        #expect(error?.location?.file == "V1__a.sql")
    }

    @Test func `Flyway's placeholders are an error when the file is due, and none when it is applied`() throws {
        let files = ["V1__a.sql": "CREATE TABLE x (\n  a text DEFAULT '${who}');"]
        let step = try #require(try MigrationSource(files: files).migrations.first?.steps.first)
        let error = #expect(throws: MigrationError.self) { try step.inspect() }
        #expect(error?.code == .unsupportedFeature)
        #expect(error?.location?.description == "V1__a.sql:2:19")
        let off = files.merging(["V1__a.sql.conf": "placeholderReplacement=false"]) { text, _ in text }
        #expect(try MigrationSource(files: off).migrations[0].steps[0].inspect().statements.count == 1)
    }

    @Test func `directives count in foreign files, and prose that looks like one does not`() throws {
        let source = try MigrationSource(files: [
            "1_a.up.sql": "-- migrate: phase=contract\n-- migrate: users to accounts\nSELECT 1;",
            "2_b.up.sql": "-- migrate: backfill table=t\nUPDATE t SET a = 1 WHERE a IS NULL",
        ])
        #expect(source.migrations.map(\.phase) == [.contract, .expand])
        #expect(source.migrations[1].steps[0].kind.label == .backfill)
        let wrong = ["1_a.up.sql": "-- migrate: phase=later\nSELECT 1;"]
        #expect(throws: MigrationError.self) { try MigrationSource(files: wrong) }
    }

    @Test func `an empty file of another tool is a migration that does nothing`() throws {
        let source = try MigrationSource(files: ["1_a.up.sql": "", "2_b.up.sql": "-- removed\n"])
        #expect(source.migrations.count == 2)
        #expect(try source.migrations[0].steps[0].inspect().statements.isEmpty)
    }

    @Test(arguments: [
        ("1", "1"), ("1.0", "1"), ("1_2", "1.2"), ("001.002", "1.2"), ("2024.01.15.1", "2024.1.15.1"),
        ("20260301120000.5", "20260301120000.5"), ("20260301120000123", "20260301120000123"),
    ])
    func `Flyway's versions are read`(_ text: String, _ spelled: String) throws {
        #expect(MigrationVersion(flyway: text)?.description == spelled)
    }

    @Test func `Flyway's versions order part by part`() throws {
        let ordered = [
            "0", "0.0.1", "1", "1.0.0.1", "1.2", "1.2.3", "1.10", "2", "10", "999999999.999.999.999", "1000000000",
            "20260301", "20260301120000", "20260301120000.1", "20260301120001", "20260301120000123",
        ].sorted { $0.compare($1, options: .numeric) == .orderedAscending }
        let numbers = try ordered.map { try #require(MigrationVersion(flyway: $0)).number }
        #expect(numbers == numbers.sorted())
        #expect(Set(numbers).count == numbers.count)
        for bad in ["", ".", "1.", "1..2", "a", "1.1000", "20260301120000.100", "99999999999999999"] {
            #expect(MigrationVersion(flyway: bad) == nil, "\(bad)")
        }
    }

    @Test func `a target is meant as Flyway writes it`() throws {
        let source = try MigrationSource(files: ["V1__a.sql": Self.table, "V1.5__b.sql": Self.table, "V2__c.sql": ""])
        let one = try MigrationPlan.make(
            source: source,
            history: MigrationHistory(),
            target: .version(try #require(MigrationVersion("1")))
        )
        #expect(one.pending.map(\.migration.folder) == ["V1__a"])
        let dotted = try MigrationPlan.make(
            source: source,
            history: MigrationHistory(),
            target: .version(try #require(MigrationVersion(flyway: "1.5")))
        )
        #expect(dotted.pending.map(\.migration.folder) == ["V1__a", "V1.5__b"])
        let history = MigrationHistory(source.applied())
        let repair = try RepairPlan.make(source: source, history: history, version: try version(1))
        #expect(repair.migration.folder == "V1__a")
        let back = try RollbackPlan.make(
            source: source,
            history: history,
            target: try version(2),
            allowsOutOfOrder: false
        )
        #expect(back.target == source.latest && back.migrations.isEmpty)
    }
}
