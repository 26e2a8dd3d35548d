import Testing

@testable import SchemaMigrations

/// What a repair would record, decided from values.
@Suite struct RepairPlanTests {
    private static let files = [
        "0001_notes/01_table.sql": "CREATE TABLE notes (id int)",
        "0001_notes/02_body.sql": "ALTER TABLE notes ADD COLUMN body text",
        "0001_notes/03_title.sql": "ALTER TABLE notes ADD COLUMN title text",
        "0002_more/up.sql": "CREATE TABLE more (id int)",
    ]

    private let applied: MigrationSource

    init() throws {
        applied = try MigrationSource(files: Self.files)
    }

    private func plan(
        _ change: (inout [String: String]) -> Void,
        at number: Int64 = 1,
        _ records: [HistoryRecord]? = nil
    ) throws -> RepairPlan {
        var files = Self.files
        change(&files)
        return try RepairPlan.make(
            source: try MigrationSource(files: files),
            history: MigrationHistory(records ?? applied.applied()),
            version: try version(number)
        )
    }

    @Test func `a repair is of the texts and names of one migration`() throws {
        let repair = try plan { files in
            files["0001_notes/01_table.sql"] = "-- Of everybody.\nCREATE TABLE notes (id int)"
            files["0001_notes/02_text.sql"] = files.removeValue(forKey: "0001_notes/02_body.sql")
            files["0002_more/up.sql"] = "CREATE TABLE more (id bigint)"
        }
        #expect(repair.steps.map(\.step.name) == ["01_table", "02_text"])
        #expect(repair.steps.map(\.record) == Array(applied.applied().prefix(2)))
        #expect(repair.recordedName == nil)
        let renamed = try plan { files in
            for step in ["01_table", "02_body", "03_title"] {
                files["0001_memos/\(step).sql"] = files.removeValue(forKey: "0001_notes/\(step).sql")
            }
        }
        #expect(renamed.recordedName == "notes" && renamed.steps.isEmpty && !renamed.isEmpty)
        #expect(try plan({ _ in }).isEmpty)
    }

    @Test func `steps that are not applied yet are not a repair's business, also behind newer migrations`() throws {
        let all = applied.applied()
        let edit: (inout [String: String]) -> Void = { files in
            files["0001_notes/01_table.sql"] = "CREATE  TABLE notes (id int)"
            files["0001_notes/02_body.sql"] = "ALTER TABLE notes ADD COLUMN body varchar"
            files["0001_notes/03_title.sql"] = nil
        }
        for records in [Array(all.prefix(1)), [all[0], all[3]]] {
            #expect(try plan(edit, records).steps.map(\.step.name) == ["01_table"])
        }
        let begun = record(applied.migrations[0], applied.migrations[0].steps[1], .intent, name: "memos")
        let named = try plan(edit, [all[0], begun])
        #expect(named.steps.map(\.step.name) == ["01_table"] && named.recordedName == "memos")
    }

    /// A change of the files or the history that no repair can record, and what is said of it.
    struct Refusal: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let code: String
        let exitCode: MigrationExitCode
        var at: Int64 = 1
        var change: @Sendable (inout [String: String]) -> Void = { _ in }
        var records: @Sendable ([HistoryRecord]) -> [HistoryRecord] = { $0 }
    }

    private static let refusals = [
        Refusal(testDescription: "a step was added", code: "added_step", exitCode: .disagreement) {
            $0["0001_notes/04_new.sql"] = "SELECT 4"
        },
        Refusal(testDescription: "a step was removed", code: "missing_file", exitCode: .disagreement) {
            $0["0001_notes/03_title.sql"] = nil
        },
        Refusal(testDescription: "two steps changed places", code: "moved", exitCode: .disagreement) { files in
            let second = files["0001_notes/02_body.sql"]
            files["0001_notes/02_body.sql"] = files["0001_notes/03_title.sql"]
            files["0001_notes/03_title.sql"] = second
        },
        Refusal(testDescription: "the folder is gone", code: "missing_migration", exitCode: .disagreement) { files in
            files = files.filter { $0.key.hasPrefix("0002") }
        },
        Refusal(testDescription: "an older release than the database's", code: "ahead", exitCode: .ahead) { files in
            files["0001_notes/01_table.sql"] = "SELECT 1"
            files["0002_more/up.sql"] = nil
        },
        Refusal(
            testDescription: "an unknown algorithm",
            code: "unknown_checksum",
            exitCode: .disagreement,
            at: 2,
            records: { records in
                records.map { old in
                    HistoryRecord(
                        version: old.version,
                        migrationName: old.migrationName,
                        phase: old.phase,
                        stepOrdinal: old.stepOrdinal,
                        stepCount: old.stepCount,
                        stepName: old.stepName,
                        kind: old.kind,
                        checksum: Checksum(algorithm: "sha3", hex: "00"),
                        outcome: old.outcome,
                        startedAt: old.startedAt
                    )
                }
            }
        ),
        Refusal(testDescription: "in no file", code: "unknown_version", exitCode: .usage, at: 9),
        Refusal(
            testDescription: "not applied",
            code: "not_applied",
            exitCode: .usage,
            at: 2,
            records: { Array($0.prefix(3)) }
        ),
    ]

    @Test(arguments: refusals)
    func `what is no other text is refused`(_ refusal: Refusal) throws {
        let error = #expect(throws: MigrationError.self) {
            _ = try plan(refusal.change, at: refusal.at, refusal.records(applied.applied()))
        }
        #expect(error?.code.rawValue == refusal.code)
        #expect(error?.exitCode == refusal.exitCode)
        let isAboutSteps = ["added_step", "missing_file", "moved"].contains(refusal.code)
        #expect(error?.message.contains("adds, moves and removes no step") == isAboutSteps)
    }
}
