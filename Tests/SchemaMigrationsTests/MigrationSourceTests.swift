import Foundation
import Glibc
import Testing

@testable import SchemaMigrations

@Suite struct MigrationSourceTests {
    @Test func `a folder of migrations loads in the order of its versions`() throws {
        let source = try MigrationSource(files: [
            "10_ten/up.sql": "SELECT 10;",
            "0002_two/01_first.sql": "SELECT 1",
            "0002_two/2_second.sql": "-- migrate: backfill table=t\nUPDATE t SET a = 1 WHERE a IS NULL",
            "0002_two/down.sql": "SELECT 'back'",
            "0002_two/verify.sql": "SELECT true",
            "0002_two/README.md": "not SQL",
            "0001_one/up.sql": "-- migrate: phase=contract\nSELECT 1",
            "README.md": "rules",
            ".gitkeep": "",
        ])
        #expect(source.migrations.map(\.version.description) == ["0001", "0002", "10"])
        #expect(source.migrations.map(\.name) == ["one", "two", "ten"])
        #expect(source.migrations.map(\.folder) == ["0001_one", "0002_two", "10_ten"])
        #expect(source.migrations.map(\.phase) == [.contract, .expand, .expand])
        let two = try #require(source[version(2)])
        #expect(two.steps.map(\.name) == ["01_first", "2_second"])
        #expect(two.steps.map(\.ordinal) == [1, 2])
        #expect(two.steps.map(\.kind) == [.transaction, .backfill(BackfillDirective(table: QualifiedName(name: "t")))])
        #expect(two.down?.text == "SELECT 'back'")
        #expect(two.verify?.text == "SELECT true")
        #expect(source.migrations[0].down == nil)
        #expect(try source.latest == version(10))
    }

    @Test func `a folder on disk gives what the same texts in memory give`() throws {
        let files = ["0001_a/up.sql": "SELECT 1", "0002_b/01_x.sql": "SELECT 2", "0002_b/02_y.sql": "SELECT 3"]
        let embedded = try MigrationSource(files: files)
        try withFolder(files.mapValues { Array($0.utf8) }) { root in
            let loaded = try MigrationSource.load(from: root + "//")
            #expect(loaded.migrations.map(\.version) == embedded.migrations.map(\.version))
            let checksums = loaded.migrations.flatMap { $0.steps.map(\.file.checksum) }
            #expect(checksums == embedded.migrations.flatMap { $0.steps.map(\.file.checksum) })
            #expect(loaded.migrations[1].steps[1].file.path == "\(root)/0002_b/02_y.sql")
        }
    }

    @Test func `an empty folder is an empty source`() throws {
        try withFolder([".gitkeep": []]) { root in
            let source = try MigrationSource.load(from: root)
            #expect(source.migrations.isEmpty)
            #expect(source.latest == nil)
        }
    }

    struct Broken: CustomTestStringConvertible {
        let name: String
        let files: [String: String]
        let code: MigrationError.Code
        let place: String
        let says: String
        var testDescription: String { name }
    }

    static let sql = "SELECT 1"

    @Test(arguments: [
        Broken(
            name: "gap",
            files: ["1_a/01_x.sql": sql, "1_a/03_y.sql": sql],
            code: .stepNumbers,
            place: "1_a/03_y.sql",
            says: "step 2 is missing"
        ),
        Broken(
            name: "not from one",
            files: ["1_a/02_x.sql": sql],
            code: .stepNumbers,
            place: "1_a/02_x.sql",
            says: "step 1 is missing"
        ),
        Broken(
            name: "from zero",
            files: ["1_a/00_x.sql": sql, "1_a/01_y.sql": sql],
            code: .stepNumbers,
            place: "1_a/00_x.sql",
            says: "step 1 is missing"
        ),
        Broken(
            name: "twice",
            files: ["1_a/01_x.sql": sql, "1_a/1_y.sql": sql],
            code: .stepNumbers,
            place: "1_a/1_y.sql",
            says: "01_x.sql and 1_y.sql have the same number"
        ),
        Broken(
            name: "duplicate",
            files: ["0002_a/up.sql": sql, "2_b/up.sql": sql],
            code: .duplicateVersion,
            place: "2_b",
            says: "version 2 is taken by 0002_a"
        ),
        Broken(
            name: "mixed",
            files: ["1_a/up.sql": sql, "1_a/01_x.sql": sql],
            code: .mixedSteps,
            place: "1_a",
            says: "both up.sql and 01_x.sql"
        ),
        Broken(name: "no steps", files: ["1_a/down.sql": sql], code: .noSteps, place: "1_a", says: "no SQL to apply"),
        Broken(name: "empty", files: ["1_a/up.sql": ""], code: .emptyFile, place: "1_a/up.sql", says: "no SQL"),
        Broken(
            name: "comments only",
            files: ["1_a/up.sql": "-- a\n/* b /* c */ */ ;\n"],
            code: .emptyFile,
            place: "1_a/up.sql",
            says: "no SQL"
        ),
        Broken(
            name: "empty down",
            files: ["1_a/up.sql": sql, "1_a/down.sql": "--"],
            code: .emptyFile,
            place: "1_a/down.sql",
            says: "no SQL"
        ),
        Broken(
            name: "no version",
            files: ["add_index/up.sql": sql],
            code: .invalidFolderName,
            place: "add_index",
            says: "VERSION_name"
        ),
        Broken(
            name: "version zero",
            files: ["0000_a/up.sql": sql],
            code: .invalidFolderName,
            place: "0000_a",
            says: "from 1 to"
        ),
        Broken(
            name: "version too large",
            files: ["9223372036854775808_a/up.sql": sql],
            code: .invalidFolderName,
            place: "9223372036854775808_a",
            says: "from 1 to 9223372036854775807"
        ),
        Broken(name: "no name", files: ["1/up.sql": sql], code: .invalidFolderName, place: "1", says: "VERSION_name"),
        Broken(
            name: "odd name",
            files: ["1_a b/up.sql": sql],
            code: .invalidFolderName,
            place: "1_a b",
            says: "letters, digits"
        ),
        Broken(
            name: "stray file in a migration",
            files: ["1_a/up.sql": sql, "1_a/up.sql~": sql],
            code: .unexpectedEntry,
            place: "1_a/up.sql~",
            says: "no rule"
        ),
        Broken(
            name: "stray SQL in a migration",
            files: ["1_a/up.sql": sql, "1_a/Up.sql": sql],
            code: .unexpectedEntry,
            place: "1_a/Up.sql",
            says: "numbered step"
        ),
        Broken(
            name: "stray file",
            files: ["1_a/up.sql": sql, "0002_b.sql": sql],
            code: .unexpectedEntry,
            place: "0002_b.sql",
            says: "no folder of a migration"
        ),
        Broken(
            name: "NUL",
            files: ["1_a/up.sql": "SELECT 1;\nSELECT '\0'"],
            code: .invalidText,
            place: "1_a/up.sql:2",
            says: "NUL byte, at byte 18"
        ),
    ])
    func `a broken source is refused with its place`(_ broken: Broken) throws {
        let error = try #require(loadError(broken.files))
        #expect(error.code == broken.code)
        #expect(error.location?.description == broken.place)
        #expect(error.message.contains(broken.says), "\(error.message)")
        #expect(error.exitCode == .failed)
        #expect(error.related.isEmpty)
    }

    @Test func `all that is broken is reported at once`() throws {
        let error = try #require(
            loadError(["1_a/up.sql": "", "2_b/01_x.sql": "", "2_b/02_y.sql": "-- migrate: nonsense\nSELECT 1"])
        )
        #expect(error.code == .emptyFile)
        #expect(error.related.map(\.code) == [.emptyFile, .unknownDirective])
        #expect(error.description.contains("1_a/up.sql: "))
        #expect(error.description.contains("2_b/02_y.sql:1:1: "))
    }

    @Test func `folders that are read on several threads keep the order of their names`() throws {
        var files: [String: [UInt8]] = [:]
        for number in 1001...1500 { files["\(number)_n/up.sql"] = Array("SELECT \(number)".utf8) }
        try withFolder(files) { root in
            let source = try MigrationSource.load(from: root)
            #expect(source.migrations.map(\.version.number) == Array(1001...1500))
            #expect(source.migrations.map { $0.steps[0].file.text } == (1001...1500).map { "SELECT \($0)" })
        }
        files["1100_n/up.sql"] = [0x53, 0]
        files["1250_n/other.txt"] = []
        files["1499_n/up.sql"] = []
        try withFolder(files) { root in
            let error = #expect(throws: MigrationError.self) { try MigrationSource.load(from: root) }
            let all = [error].compactMap(\.self) + (error?.related ?? [])
            #expect(all.map(\.code) == [.invalidText, .unexpectedEntry, .emptyFile])
            #expect(
                all.compactMap { $0.location?.file }
                    == ["1100_n/up.sql", "1250_n/other.txt", "1499_n/up.sql"].map { "\(root)/\($0)" }
            )
        }
    }

    @Test func `a folder that is not there is an error with its reason`() throws {
        do throws(MigrationError) {
            _ = try MigrationSource.load(from: "/nonexistent/migrations")
            Issue.record("loaded a folder that does not exist")
        } catch {
            #expect(error.code == .unreadableDirectory)
            #expect(
                error.description.hasPrefix(
                    "/nonexistent/migrations: cannot list the folder: No such file or directory"
                )
            )
            #expect(error.hint?.contains("--migrations") == true)
        }
    }

    @Test func `a folder or a pipe among the files is an error, and a link to a file is a file`() throws {
        let sql = Array("SELECT 1".utf8)
        try withFolder(["1_a/up.sql": sql, "1_a/old/up.sql": sql, "shared.sql.keep/x": sql]) { root in
            #expect(mkfifo("\(root)/1_a/pipe", 0o600) == 0)
            do throws(MigrationError) {
                _ = try MigrationSource.load(from: root)
                Issue.record("strays were not noticed")
            } catch {
                let places = ([error] + error.related).compactMap { $0.location?.file }
                #expect(places == ["\(root)/1_a/old", "\(root)/1_a/pipe", "\(root)/shared.sql.keep"])
            }
        }
        try withFolder(["1_a/up.sql": sql]) { root in
            #expect(mkdir("\(root)/2_b", 0o700) == 0)
            #expect(symlink("\(root)/1_a/up.sql", "\(root)/2_b/up.sql") == 0)
            let source = try MigrationSource.load(from: root)
            #expect(source.migrations.count == 2)
        }
    }

    @Test func `bytes that are not UTF-8 are named by file, line and byte`() throws {
        let bytes = Array("\u{FEFF}SELECT 1;\r\nSELECT '".utf8) + [0xC3, 0x28]
        try withFolder(["1_a/up.sql": bytes]) { root in
            do throws(MigrationError) {
                _ = try MigrationSource.load(from: root)
                Issue.record("accepted bytes that are not UTF-8")
            } catch {
                #expect(error.code == .invalidText)
                #expect(error.location == SourceLocation(file: "\(root)/1_a/up.sql", line: 2))
                #expect(error.message == "the file holds bytes that are not UTF-8, at byte 22 counted from 0")
            }
        }
    }

    @Test func `a hole between numbered versions is a warning, between dates it is nothing`() throws {
        let numbered = try MigrationSource(files: [
            "1_a/up.sql": "SELECT 1", "3_b/up.sql": "SELECT 1", "9_c/up.sql": "SELECT 1",
        ])
        let expected = ["a version is missing between 1_a and 3_b", "5 versions are missing between 3_b and 9_c"]
        #expect(numbered.warnings.map(\.message) == expected)
        let dated = try MigrationSource(files: ["20260101_a/up.sql": "SELECT 1", "20260301_b/up.sql": "SELECT 1"])
        #expect(dated.warnings.isEmpty)
    }

    @Test func `ten thousand migrations load completely`() throws {
        let count = 10_000
        var files: [String: String] = [:]
        for number in 1...count { files["\(number)_table/up.sql"] = "CREATE TABLE t\(number) (id int);\n" }
        let source = try MigrationSource(files: files)
        #expect(source.migrations.map(\.version.number) == Array(1...Int64(count)))
        #expect(Set(source.migrations.map { $0.steps[0].file.checksum }).count == count)
        let plan = try MigrationPlan.make(source: source, history: MigrationHistory(source.applied()))
        #expect(plan.state == .upToDate)
        // What is applied is never parsed, which would take most of the time.
        #expect(source.migrations.allSatisfy { $0.steps.allSatisfy { !$0.reading.isKnown } })
    }

    @Test func `a step's text is parsed once, however often it is asked about`() throws {
        let source = try MigrationSource(files: ["1_a/up.sql": "CREATE TABLE t (id int)"])
        let step = source.migrations[0].steps[0]
        let copy = step
        let first = try step.inspect()
        #expect(copy.reading.isKnown)
        #expect(try copy.inspect() == first)
        #expect(copy == source.migrations[0].steps[0])
    }
}

@Suite struct ChecksumTests {
    @Test func `a checksum is SHA-256 of the text`() throws {
        // echo -n abc | sha256sum
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        #expect(Checksum(ofCanonical: Array("abc".utf8)).description == "sha256:\(known)")
        #expect(Checksum("sha256:\(known)") == Checksum(algorithm: "sha256", hex: known))
        #expect(Checksum("sha256") == nil)
        #expect(Checksum(":") == nil)
    }

    @Test(arguments: [
        "SELECT 1;\r\nSELECT 2;\r\n", "\u{FEFF}SELECT 1;\nSELECT 2;\n", "\u{FEFF}SELECT 1;\r\nSELECT 2;\n",
    ])
    func `line ends and a byte-order mark change neither text nor checksum`(_ variant: String) throws {
        let plain = try SQLFile(path: "f", bytes: Array("SELECT 1;\nSELECT 2;\n".utf8))
        let other = try SQLFile(path: "f", bytes: Array(variant.utf8))
        #expect(other == plain)
    }

    @Test func `a carriage return inside a line is part of the text`() throws {
        let file = try SQLFile(path: "f", bytes: Array("SELECT 'a\rb\r\r\n'".utf8))
        #expect(Array(file.text.utf8) == Array("SELECT 'a\rb\r\n'".utf8))
    }
}
