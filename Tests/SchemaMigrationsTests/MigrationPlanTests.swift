import Testing

@testable import SchemaMigrations

@Suite struct MigrationPlanTests {
    /// The flagship in small: 1 one step, 2 three steps of each kind, 3 contract.
    static let files = [
        "1_one/up.sql": "CREATE TABLE t (a int)",
        "2_two/01_type.sql": "CREATE TYPE e AS ENUM ('x')",
        "2_two/02_fill.sql": "-- migrate: backfill table=t\nUPDATE t SET a = 1 WHERE a IS NULL",
        "2_two/03_index.sql": "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY i ON t (a)",
        "3_three/up.sql": "-- migrate: phase=contract\nDROP TABLE u",
    ]

    private let source: MigrationSource

    init() throws {
        source = try MigrationSource(files: Self.files)
    }

    private func changed(_ changes: [String: String?]) throws -> MigrationSource {
        var files = Self.files
        for (path, text) in changes { files[path] = text }
        return try MigrationSource(files: files)
    }

    private func plan(
        _ records: [HistoryRecord],
        to target: Int64? = nil,
        _ phase: PhaseSelection = .expand
    ) throws -> MigrationPlan {
        try plan(source, records, to: target, phase)
    }

    private func plan(
        _ source: MigrationSource,
        _ records: [HistoryRecord],
        to target: Int64? = nil,
        _ phase: PhaseSelection = .expand
    ) throws -> MigrationPlan {
        let target = try target.map { MigrationTarget.version(try version($0)) } ?? .latest
        let history = MigrationHistory(records)
        return try MigrationPlan.make(source: source, history: history, target: target, phase: phase)
    }

    private func names(_ plan: MigrationPlan) -> [String] {
        plan.pending.map { "\($0.migration.version)/\($0.step.name)" }
    }

    private static let everything = ["1/up", "2/01_type", "2/02_fill", "2/03_index", "3/up"]

    @Test func `an empty database gets everything`() throws {
        let plan = try plan([])
        #expect(names(plan) == Self.everything)
        #expect(plan.heldBack.isEmpty)
        #expect(plan.current == nil)
        #expect(plan.state == .pending)
        #expect(plan.pending.allSatisfy { $0.beginning == .fresh })
        #expect(plan.exitCodeOfCheck == .pending)
    }

    @Test func `a contract migration is held back once there is a history`() throws {
        let plan = try plan(source.applied(through: 1))
        #expect(names(plan) == ["2/01_type", "2/02_fill", "2/03_index"])
        #expect(plan.heldBack.map(\.version.number) == [3])
        #expect(plan.current?.number == 1)
        #expect(plan.exitCodeWhenApplied == .done)
    }

    @Test func `a contract migration alone at the end is not pending`() throws {
        let plan = try plan(source.applied(through: 2))
        #expect(plan.pending.isEmpty)
        #expect(plan.state == .contractPending)
        #expect(plan.exitCodeOfCheck == .done)
        #expect(plan.exitCodeWhenApplied == .done)
    }

    @Test func `what lies behind a held contract migration is held back too, and says so`() throws {
        let longer = try changed(["4_four/up.sql": "SELECT 4", "5_five/up.sql": "-- migrate: phase=contract\nSELECT 5"])
        let held = try plan(longer, longer.applied(through: 2))
        #expect(held.pending.isEmpty)
        #expect(held.heldBack.map(\.version.number) == [3, 4, 5])
        #expect(held.state == .pending)
        #expect(held.exitCodeWhenApplied == .pending)
        #expect(held.exitCodeOfCheck == .pending)
        let all = try plan(longer, longer.applied(through: 2), .all)
        #expect(names(all) == ["3/up", "4/up", "5/up"])
        #expect(all.heldBack.isEmpty)
        let explicit = try plan(longer, longer.applied(through: 2), to: 3)
        #expect(names(explicit) == ["3/up"])
        #expect(explicit.heldBack.isEmpty)
        #expect(explicit.exitCodeWhenApplied == .done)
    }

    @Test func `what is out of order is applied when that is allowed, oldest first, and said`() throws {
        let longer = try changed(["4_four/up.sql": "SELECT 4", "5_five/up.sql": "SELECT 5"])
        let records = longer.applied(through: 1) + longer.applied().filter { $0.version.number == 4 }
        #expect(try plan(longer, records).blockingExitCode == .disagreement)
        let history = MigrationHistory(records)
        let allowed = try MigrationPlan.make(
            source: longer,
            history: history,
            phase: .all,
            allowsOutOfOrder: true
        )
        #expect(names(allowed) == ["2/01_type", "2/02_fill", "2/03_index", "3/up", "5/up"])
        #expect(allowed.findings.map(\.kind) == [.outOfOrder, .outOfOrder])
        #expect(
            allowed.findings.map(\.message) == [
                "2_two is not applied, and version 4 is", "3_three is not applied, and version 4 is",
            ]
        )
        #expect(allowed.blockingExitCode == nil)
        #expect(allowed.state == .pending)
        let held = try MigrationPlan.make(source: longer, history: history, allowsOutOfOrder: true)
        #expect(held.heldBack.map(\.version.number) == [3, 5])
        // Cut short, it goes on in the same way.
        let begun = MigrationHistory(records + longer.applied(through: 2).filter { $0.version.number == 2 }.prefix(1))
        let rest = try MigrationPlan.make(source: longer, history: begun, phase: .all, allowsOutOfOrder: true)
        #expect(names(rest) == ["2/02_fill", "2/03_index", "3/up", "5/up"])
        #expect(try MigrationPlan.make(source: longer, history: begun).blockingExitCode == .disagreement)
    }

    @Test func `an interrupted first run goes on with everything`() throws {
        let history = MigrationHistory(source.applied(through: 1), isInitialRunUnfinished: true)
        let plan = try MigrationPlan.make(source: source, history: history)
        #expect(names(plan) == Array(Self.everything.dropFirst()))
        #expect(plan.state == .pending)
    }

    @Test func `a contract migration that was begun goes on`() throws {
        let two = try changed([
            "3_three/up.sql": nil, "3_three/01_a.sql": "-- migrate: phase=contract\nSELECT 1",
            "3_three/02_b.sql": "SELECT 2",
        ])
        let plan = try plan(two, two.applied(steps: 5))
        #expect(names(plan) == ["3/02_b"])
        #expect(plan.state == .partial)
        #expect(plan.heldBack.isEmpty)
    }

    @Test func `a migration that was interrupted goes on at its next step`() throws {
        for done in 0...5 {
            let plan = try plan(source.applied(steps: done), .all)
            #expect(names(plan) == Array(Self.everything.dropFirst(done)))
        }
        #expect(try plan(source.applied(steps: 2)).state == .partial)
        #expect(try plan(source.applied(steps: 2)).current?.number == 1)
    }

    @Test func `a step that was begun outside a transaction is settled first`() throws {
        let two = source.migrations[1]
        let intent = record(two, two.steps[2], .intent)
        let plan = try plan(source.applied(steps: 3) + [intent])
        #expect(plan.pending.map(\.beginning) == [.settle(intent)])
        #expect(plan.state == .partial)
        #expect(plan.findings.isEmpty)
    }

    @Test func `a backfill that was begun goes on, or begins anew when its text changed`() throws {
        let two = source.migrations[1]
        let intent = record(two, two.steps[1], .intent)
        let records = source.applied(steps: 2) + [intent]
        #expect(try plan(records).pending.map(\.beginning) == [.resumeBackfill(intent), .fresh])
        let text = "-- migrate: backfill table=t\nUPDATE t SET a = 2 WHERE a IS NULL"
        let edited = try plan(changed(["2_two/02_fill.sql": text]), records)
        #expect(edited.pending.map(\.beginning) == [.restartBackfill(intent), .fresh])
        #expect(edited.findings.map(\.kind) == [.editedIntent])
        #expect(edited.blockingExitCode == nil)
    }

    @Test func `an applied record outweighs the intent before it`() throws {
        let two = source.migrations[1]
        let plan = try plan([record(two, two.steps[2], .intent)] + source.applied(through: 2))
        #expect(plan.pending.isEmpty)
        #expect(plan.state == .contractPending)
    }

    @Test func `steps that are not applied yet may change`() throws {
        let records = source.applied(steps: 3)
        let plan = try plan(changed(["2_two/03_index.sql": "SELECT 1", "2_two/04_more.sql": "SELECT 2"]), records)
        #expect(names(plan) == ["2/03_index", "2/04_more"])
        #expect(plan.findings.isEmpty)
    }

    struct Disagreement: CustomTestStringConvertible {
        let name: String
        let changes: [String: String?]
        var applied: Int64 = 2
        var steps = Int.max
        let kinds: [MigrationFinding.Kind]
        let exit: MigrationExitCode
        let says: [String]
        var testDescription: String { name }
    }

    @Test(arguments: [
        Disagreement(
            name: "edited",
            changes: ["1_one/up.sql": "CREATE TABLE t (a text)"],
            kinds: [.edited],
            exit: .disagreement,
            says: ["1_one/up.sql was edited", "sha256:", "new migration"]
        ),
        Disagreement(
            name: "file gone",
            changes: ["2_two/03_index.sql": nil],
            kinds: [.missingFile],
            exit: .disagreement,
            says: ["step 3 (03_index) of 2_two is applied", "2_two/03_index.sql"]
        ),
        Disagreement(
            name: "folder gone",
            changes: ["1_one/up.sql": nil],
            kinds: [.missingMigration],
            exit: .disagreement,
            says: ["version 1 (one) is applied", "1_one"]
        ),
        Disagreement(
            name: "step added at the end",
            changes: ["2_two/04_more.sql": "SELECT 1"],
            kinds: [.addedStep],
            exit: .disagreement,
            says: ["2_two/04_more.sql is not applied"]
        ),
        Disagreement(
            name: "step added in front",
            changes: [
                "2_two/01_type.sql": "SELECT 1", "2_two/02_fill.sql": nil,
                "2_two/02_type.sql": files["2_two/01_type.sql"],
                "2_two/03_index.sql": nil, "2_two/03_fill.sql": files["2_two/02_fill.sql"],
            ],
            applied: 2,
            steps: 3,
            kinds: [.moved, .moved],
            exit: .disagreement,
            says: ["step 1 (01_type) is applied, and its text is now step 2, in 2_two/02_type.sql"]
        ),
        Disagreement(
            name: "out of order",
            changes: [
                "2_two/01_type.sql": nil, "2_two/02_fill.sql": nil, "2_two/03_index.sql": nil,
                "4_four/up.sql": "SELECT 4", "2_late/up.sql": "SELECT 2",
            ],
            applied: 0,
            kinds: [.outOfOrder],
            exit: .disagreement,
            says: ["2_late is not applied, and version 4 is", "give it a version after 4"]
        ),
        Disagreement(
            name: "ahead",
            changes: [
                "2_two/01_type.sql": nil, "2_two/02_fill.sql": nil, "2_two/03_index.sql": nil,
                "3_three/up.sql": nil,
            ],
            kinds: [.ahead],
            exit: .ahead,
            says: ["the database has version 2 (two); the newest of these files is 1"]
        ),
    ])
    func `a disagreement blocks the plan and says what to do`(_ case: Disagreement) throws {
        let changed = try changed(`case`.changes)
        var records = source.applied(through: `case`.applied, steps: `case`.steps)
        if `case`.applied == 0 {
            records = changed.migrations.filter { $0.version.number != 2 }.map { record($0, $0.steps[0]) }
        }
        let plan = try plan(changed, records, .all)
        #expect(plan.findings.map(\.kind) == `case`.kinds)
        #expect(plan.blockingExitCode == `case`.exit)
        #expect(plan.exitCodeWhenApplied == `case`.exit)
        #expect(plan.exitCodeOfCheck == `case`.exit)
        #expect(plan.pending.isEmpty)
        #expect(plan.heldBack.isEmpty)
        #expect(plan.state == (`case`.exit == .ahead ? .ahead : .diverged))
        for text in `case`.says { #expect(plan.findings[0].description.contains(text), "\(plan.findings[0])") }
    }

    @Test func `a database ahead that also disagrees is diverged`() throws {
        let older = try changed(["3_three/up.sql": nil, "1_one/up.sql": "SELECT 'edited'"])
        let plan = try plan(older, source.applied())
        #expect(plan.findings.map(\.kind) == [.edited, .ahead])
        #expect(plan.blockingExitCode == .disagreement)
        #expect(plan.state == .diverged)
    }

    @Test func `no files at all are behind any database`() throws {
        let plan = try plan(MigrationSource(files: [:]), source.applied())
        #expect(plan.findings.map(\.kind) == [.ahead, .ahead, .ahead])
        #expect(plan.findings[0].message.hasSuffix("there are no files"))
        #expect(plan.current?.number == 3)
    }

    @Test func `new names with the same text are told and do not block`() throws {
        let renamed = try changed([
            "1_one/up.sql": nil, "1_first/up.sql": Self.files["1_one/up.sql"],
            "2_two/01_type.sql": nil, "2_two/01_enum.sql": Self.files["2_two/01_type.sql"],
        ])
        let plan = try plan(renamed, source.applied(steps: 2))
        #expect(plan.findings.map(\.kind) == [.renamedMigration, .renamedStep])
        #expect(plan.findings.allSatisfy { !$0.isBlocking })
        #expect(names(plan) == ["2/02_fill", "2/03_index"])
        #expect(plan.findings[1].message.contains("2_two/01_enum.sql was applied as 01_type.sql"))
    }

    @Test func `a checksum of an unknown algorithm blocks`() throws {
        let one = source.migrations[0]
        let strange = record(one, one.steps[0], checksum: Checksum(algorithm: "blake9", hex: "00"))
        let plan = try plan([strange])
        #expect(plan.findings.map(\.kind) == [.unknownChecksum])
        #expect(plan.blockingExitCode == .disagreement)
    }

    @Test func `a target must exist and not be behind`() throws {
        #expect(names(try plan([], to: 1)) == ["1/up"])
        #expect(try plan(source.applied(through: 1), to: 1).pending.isEmpty)
        let unknown = #expect(throws: MigrationError.self) { try plan([], to: 7) }
        #expect(unknown?.code == .unknownVersion)
        #expect(unknown?.message == "no migration has the version 7; the newest is 3")
        #expect(unknown?.exitCode == .usage)
        let behind = #expect(throws: MigrationError.self) { try plan(source.applied(steps: 2), to: 1) }
        #expect(behind?.code == .targetBelowCurrent)
        #expect(behind?.hint == "to go back: migrate down --to 1")
    }

    @Test func `a blocking finding counts more than a bad target`() throws {
        let edited = try changed(["1_one/up.sql": "SELECT 'edited'"])
        #expect(try plan(edited, source.applied(through: 1), to: 7).findings.map(\.kind) == [.edited])
    }
}

@Suite struct PlannerPropertyTests {
    /// Random sources, random progress, random targets: what is applied and what is planned make up the whole.
    @Test func `applied and planned steps make up everything, in order, each once`() throws {
        var generator = SeededGenerator(seed: 11)
        for round in 0..<500 {
            let source = try randomSource(&generator)
            let steps = source.migrations.flatMap { migration in migration.steps.map { (migration, $0) } }
            let done = Int.random(in: 0...steps.count, using: &generator)
            var records = source.applied(steps: done).shuffled(using: &generator)
            let isBegun = done < steps.count && Bool.random(using: &generator)
            if isBegun { records.append(record(steps[done].0, steps[done].1, .intent)) }
            let phase: PhaseSelection = Bool.random(using: &generator) ? .all : .expand
            let history = MigrationHistory(records)
            let plan = try MigrationPlan.make(source: source, history: history, phase: phase)

            let held = plan.heldBack.flatMap { migration in migration.steps.map { id(migration, $0) } }
            let planned = plan.pending.map { id($0.migration, $0.step) }
            let applied = steps.prefix(done).map { id($0.0, $0.1) }
            #expect(applied + planned + held == steps.map { id($0.0, $0.1) }, "round \(round)")
            #expect(plan.findings.isEmpty, "round \(round)")
            if phase == .all || records.isEmpty { #expect(held.isEmpty) }
            if let first = plan.heldBack.first { #expect(first.phase == .contract) }
            let settled = plan.pending.filter { $0.beginning != .fresh }
            #expect(settled.count <= (isBegun ? 1 : 0))

            // Doing what the plan says leaves nothing to plan.
            let after = MigrationHistory(records + plan.pending.map { record($0.migration, $0.step) })
            let next = try MigrationPlan.make(source: source, history: after, phase: phase)
            let freshStart = records.isEmpty
            #expect(next.pending.isEmpty || freshStart, "round \(round)")
            #expect(next.findings.isEmpty, "round \(round)")
        }
    }

    @Test func `any single edit of an applied file is found, and only that`() throws {
        var generator = SeededGenerator(seed: 12)
        for round in 0..<200 {
            let source = try randomSource(&generator)
            var records = source.applied()
            let index = Int.random(in: records.indices, using: &generator)
            let old = records[index]
            let migration = try #require(source[old.version])
            let other = Checksum(ofCanonical: Array("round \(round)".utf8))
            records[index] = record(migration, migration.steps[old.stepOrdinal - 1], checksum: other)
            let plan = try MigrationPlan.make(source: source, history: MigrationHistory(records), phase: .all)
            #expect(plan.findings.map(\.kind) == [.edited])
            #expect(plan.findings.first?.version == old.version)
            #expect(plan.pending.isEmpty)
        }
    }

    private func id(_ migration: Migration, _ step: MigrationStep) -> String { "\(migration.version)/\(step.ordinal)" }

    private func randomSource(_ generator: inout SeededGenerator) throws -> MigrationSource {
        var files: [String: String] = [:]
        var number = 0
        for _ in 0..<Int.random(in: 1...6, using: &generator) {
            number += Int.random(in: 1...3, using: &generator)
            let count = Int.random(in: 1...4, using: &generator)
            let phase = Int.random(in: 0..<3, using: &generator) == 0 ? "-- migrate: phase=contract\n" : ""
            for step in 1...count {
                let kind = ["", "-- migrate: no-transaction\n", "-- migrate: backfill table=t\n"]
                    .randomElement(using: &generator)
                files["\(number)_m/\(step)_s.sql"] = "\(step == 1 ? phase : "")\(kind ?? "")SELECT \(number), \(step)"
            }
        }
        return try MigrationSource(files: files)
    }
}
