import Foundation
import Testing

@testable import SchemaMigrations

@Suite struct MigrationStatusTests {
    private let source: MigrationSource

    init() throws {
        source = try MigrationSource(files: MigrationPlanTests.files)
    }

    @Test func `the JSON has every field, null where there is no value`() throws {
        let small = try MigrationSource(files: [
            "0001_one/up.sql": "SELECT 1", "0002_two/up.sql": "-- migrate: phase=contract\nSELECT 2",
        ])
        let status = MigrationStatus(source: small, history: MigrationHistory(small.applied(through: 1)))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let one = small.migrations[0].steps[0].file.checksum
        let two = small.migrations[1].steps[0].file.checksum
        let json = try String(decoding: encoder.encode(status), as: UTF8.self)
        #expect(
            json == """
                {
                  "current" : 1,
                  "latest" : 2,
                  "migrations" : [
                    {
                      "applied_at" : "2026-03-01T09:31:00.250000Z",
                      "duration_ms" : 250,
                      "name" : "one",
                      "phase" : "expand",
                      "state" : "applied",
                      "steps" : [
                        {
                          "applied_at" : "2026-03-01T09:31:00.250000Z",
                          "checksum" : "\(one)",
                          "duration_ms" : 250,
                          "kind" : "transaction",
                          "name" : "up",
                          "rows" : null,
                          "state" : "applied"
                        }
                      ],
                      "version" : 1
                    },
                    {
                      "applied_at" : null,
                      "duration_ms" : null,
                      "name" : "two",
                      "phase" : "contract",
                      "state" : "pending",
                      "steps" : [
                        {
                          "applied_at" : null,
                          "checksum" : "\(two)",
                          "duration_ms" : null,
                          "kind" : "transaction",
                          "name" : "up",
                          "rows" : null,
                          "state" : "pending"
                        }
                      ],
                      "version" : 2
                    }
                  ],
                  "services_in_the_way" : [

                  ],
                  "state" : "contract_pending"
                }
                """
        )
        #expect(try JSONDecoder().decode(MigrationStatus.self, from: Data(json.utf8)) == status)
        #expect(status.exitCode == .done)
    }

    @Test func `a migration under way is partial, with what its steps have done`() throws {
        let two = source.migrations[1]
        let records = source.applied(steps: 3) + [record(two, two.steps[2], .intent)]
        let status = MigrationStatus(source: source, history: MigrationHistory(records))
        #expect(status.state == .partial)
        #expect(status.current == 1)
        #expect(status.migrations.map(\.state) == [.applied, .partial, .pending])
        let report = status.migrations[1]
        #expect(report.steps.map(\.state) == [.applied, .applied, .partial])
        #expect(report.steps.map(\.kind) == [.transaction, .backfill, .noTransaction])
        #expect(report.steps.map(\.rows) == [nil, 42, nil])
        #expect(report.durationMS == 500)
        #expect(report.appliedAt == nil)
        #expect(status.exitCode == .pending)
    }

    @Test func `an empty database and no files have no numbers`() throws {
        let status = MigrationStatus(source: try MigrationSource(files: [:]), history: MigrationHistory())
        #expect(status == MigrationStatus(source: try MigrationSource(files: [:]), history: MigrationHistory([])))
        #expect(status.state == .upToDate)
        #expect(status.current == nil && status.latest == nil)
        let json = String(decoding: try JSONEncoder().encode(status), as: UTF8.self)
        #expect(json.contains("\"current\":null") && json.contains("\"latest\":null"))
    }

    @Test func `changed, missing and late migrations are named as such`() throws {
        var files = MigrationPlanTests.files
        files["1_one/up.sql"] = "SELECT 'edited'"
        files["3_three/up.sql"] = nil
        files["4_four/up.sql"] = "SELECT 4"
        let now = try MigrationSource(files: files)
        let two = source.migrations[1]
        let later = [record(now.migrations[2], now.migrations[2].steps[0])]
        let history = source.applied().filter { $0.version != two.version } + later
        let status = MigrationStatus(source: now, history: MigrationHistory(history))
        #expect(status.state == .diverged)
        #expect(status.migrations.map(\.state) == [.changed, .outOfOrder, .missing, .applied])
        #expect(status.migrations.map(\.name) == ["one", "two", "three", "four"])
        #expect(status.migrations[0].steps[0].checksum == now.migrations[0].steps[0].file.checksum.description)
        #expect(status.exitCode == .disagreement)
    }

    @Test func `status and plan agree about the state`() throws {
        for done in 0...5 {
            let history = MigrationHistory(source.applied(steps: done))
            let plan = try MigrationPlan.make(source: source, history: history)
            let status = MigrationStatus(source: source, history: history)
            #expect(status.state == plan.state)
            #expect(status.current == plan.current?.number)
        }
    }

    @Test func `every exit code is the documented number`() {
        #expect(MigrationExitCode.allCases.map(\.rawValue) == [0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 64, 75])
    }
}
