import Foundation
import Testing

/// `mark-failed`, `instance`, `abandoned`, and what a spreadsheet opens.
extension `The command vmmdb` {
    static let instance = "55555555-5555-4555-8555-555555555555"
    private static let target = "66666666-6666-4666-8666-666666666666"

    @Test func `mark-failed records a reason once, and tells each time what happened`() async throws {
        try await withVMMs { url in
            let first = try await run("mark-failed", Self.running, "--reason", "sled_off", "--database-url", url)
            #expect(first.exitCode == 0)
            #expect(first.output == "\(Self.running) was running and is failed now: sled_off\n")
            let again = try await run("mark-failed", Self.running, "--reason", "sled_expunged", "--database-url", url)
            #expect(again.exitCode == 0)
            #expect(again.output == "\(Self.running) is failed already: sled_off stays\n")
            let row = try await json("show", Self.running, "--database-url", url)
            #expect(row["failure_reason"] as? String == "sled_off")
            #expect(row["generation"] as? Int == 5)
        }
    }

    @Test func `mark-failed leaves a deleted VMM alone and says so`() async throws {
        try await withVMMs { url in
            let arguments = ["mark-failed", Self.deleted, "--reason", "sled_off", "--database-url", url]
            let result = try await run(arguments + ["--format", "json"])
            #expect(result.exitCode == 1)
            let object = try Self.object(result.output)
            #expect(object["outcome"] as? String == "deleted")
            #expect((object["row"] as? [String: Any])?["failure_reason"] as? String == "prehistoric")
        }
    }

    @Test func `an instance is shown with its VMMs, and dangling references are warned of`() async throws {
        try await withVMMs { url in
            try await execute(Self.instanceRow, on: url)
            let text = try await run("instance", Self.instance, "--database-url", url)
            #expect(text.exitCode == 0)
            #expect(text.output.contains("active VMM"))
            #expect(text.output.contains(Self.failed))
            let warning = try #require(text.lines.first { $0.hasPrefix("warning") })
            #expect(warning.contains("target VMM \(Self.target) was not found"))
            #expect(text.output.contains("updater lock    free, generation 3"))
            let object = try await json("instance", Self.instance, "--database-url", url)
            #expect(object["effective_state"] as? String == "stopping")
            #expect((object["active_vmm"] as? [String: Any])?["id"] as? String == Self.failed)
            #expect(object["target_vmm"] is NSNull)
            #expect((object["warnings"] as? [String])?.count == 1)
        }
    }

    @Test func `abandoned lists what can be reaped and nothing that an instance holds on to`() async throws {
        try await withVMMs { url in
            let before = try await run("abandoned", "--format", "csv", "--database-url", url)
            #expect(before.output.contains(Self.failed))
            #expect(!before.output.contains(Self.running))
            #expect(!before.output.contains(Self.deleted))
            try await execute(Self.instanceRow, on: url)
            try await execute("UPDATE vmm SET instance_id = '\(Self.instance)' WHERE id = '\(Self.failed)'", on: url)
            let after = try await run("abandoned", "--format", "csv", "--database-url", url)
            #expect(!after.output.contains(Self.failed))
        }
    }

    @Test func `lists and counts are tables for spreadsheets`() async throws {
        try await withVMMs { url in
            let list = try await run("list", "--include-deleted", "--format", "csv", "--database-url", url)
            let rows = list.output.components(separatedBy: "\r\n")
            #expect(rows.first == "id,state,failure_reason,generation,instance,sled,updated,deleted")
            #expect(rows.count == 5 && rows.last == "")
            #expect(
                rows.dropFirst().dropLast().allSatisfy {
                    $0.split(separator: ",", omittingEmptySubsequences: false).count == 8
                }
            )
            let days = try await run("failures", "--by", "day", "--format", "csv", "--database-url", url)
            #expect(days.output == "day,total,live,deleted\r\n2026-08-21,2,1,1\r\n")
            let none = try await run("failures", "--since", "2026-08-22", "--database-url", url)
            #expect(none.output == "no VMM has failed\n")
        }
    }

    @Test(arguments: [["list"], ["show", running], ["failures"], ["abandoned"], ["instance", instance]])
    func `a role that may only read sees everything`(arguments: [String]) async throws {
        try await withVMMs { url in
            let role = "reader_\(UInt64.random(in: 0...UInt64.max))"
            try await execute(Self.instanceRow, on: url)
            try await execute("CREATE ROLE \(role); GRANT SELECT ON ALL TABLES IN SCHEMA public TO \(role)", on: url)
            let result = try await run(
                arguments + ["--database-url", url],
                environment: ["PGOPTIONS": "-c role=\(role)"]
            )
            #expect(result.exitCode == 0, "\(result.error)")
            #expect(!result.output.isEmpty)
            try await execute("DROP OWNED BY \(role); DROP ROLE \(role)", on: url)
        }
    }

    @Test func `a password in a misplaced URL is not repeated`() async throws {
        let result = try await run("postgresql://me:geheim@db.example/vmm", "list")
        #expect(result.exitCode == 64)
        #expect(!result.error.isEmpty && !result.error.contains("geheim"))
    }

    func json(_ arguments: String...) async throws -> [String: Any] {
        let result = try await run(arguments + ["--format", "json"])
        #expect(result.exitCode == 0)
        return try Self.object(result.output)
    }

    private static func object(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    /// An instance whose active VMM failed and whose target VMM is gone.
    static let instanceRow = """
        INSERT INTO instance (id, project_id, name, description, time_created, time_modified, time_state_updated,
          state_generation, active_propolis_id, target_propolis_id, ncpus, memory, hostname, updater_gen, state,
          intended_state, enable_jumbo_frames)
        VALUES ('\(instance)', gen_random_uuid(), 'db-1', '', '2026-08-21Z', '2026-08-21Z', '2026-08-21Z', 2,
          '\(failed)', '\(target)', 2, 1024, 'db-1', 3, 'vmm', 'running', false)
        """
}
