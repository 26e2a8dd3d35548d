import Foundation
import Testing

/// Runs the built `vmmdb`, as an operator would.
@Suite struct `The command vmmdb` {
    static let running = "11111111-1111-4111-8111-111111111111"
    static let failed = "22222222-2222-4222-8222-222222222222"
    static let deleted = "33333333-3333-4333-8333-333333333333"
    static let sled = "44444444-4444-4444-8444-444444444444"

    @Test func `show prints the reason's label and what it means`() async throws {
        try await withVMMs { url in
            let result = try await run("show", Self.failed, "--database-url", url)
            #expect(result.exitCode == 0)
            #expect(result.output.contains(Self.failed))
            #expect(result.output.contains("sled_off"))
            #expect(result.output.contains("powered off"))
            #expect(result.output.contains("generation 5"))
            #expect(!result.output.contains("\u{1B}"))
            #expect(result.error.isEmpty)
        }
    }

    @Test func `show tells everything in JSON, with null for what is not there`() async throws {
        try await withVMMs { url in
            let result = try await run("show", Self.running, "--database-url", url, "--format", "json")
            let object = try #require(
                try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
            )
            #expect(object["id"] as? String == Self.running)
            #expect(object["state"] as? String == "running")
            #expect(object["failure_reason"] is NSNull)
            #expect(object["deleted_at"] is NSNull)
            #expect(object["generation"] as? Int == 4)
            #expect(object["sled_id"] as? String == Self.sled)
            #expect(object["updated_at"] as? String == "2026-08-21T12:00:00.000001Z")
            #expect(object["warnings"] as? [String] == [])
        }
    }

    @Test(arguments: [
        ("ALTER TABLE vmm DISABLE TRIGGER USER; UPDATE vmm SET failure_reason = NULL", failed, "no failure reason"),
        ("ALTER TABLE vmm DISABLE TRIGGER USER; UPDATE vmm SET failure_reason = 'sled_off'", running, "sled_off"),
    ])
    func `show warns of rows that should not exist`(change: String, id: String, hint: String) async throws {
        try await withVMMs { url in
            try await execute("ALTER TABLE vmm DROP CONSTRAINT failure_reason_iff_failed; \(change)", on: url)
            let result = try await run("show", id, "--database-url", url)
            #expect(result.exitCode == 0)
            let warning = try #require(result.output.split(separator: "\n").first { $0.hasPrefix("warning") })
            #expect(warning.contains(hint))
        }
    }

    @Test func `list hides deleted VMMs unless asked for them`() async throws {
        try await withVMMs { url in
            let live = try await run("list", "--database-url", url)
            #expect(live.lines.count == 3)
            #expect(live.lines[0].hasPrefix("ID "))
            #expect(live.lines[1].hasPrefix(Self.running))
            #expect(live.lines[2].hasPrefix(Self.failed))
            let all = try await run("list", "--include-deleted", "--database-url", url)
            #expect(all.lines.count == 4)
        }
    }

    @Test(arguments: [
        (["--state", "running", "--state", "stopped"], [running]),
        (["--state", "failed"], [failed]),
        (["--reason", "sled_off"], [failed]),
        (["--reason", "prehistoric", "--include-deleted"], [deleted]),
        (["--sled", sled], [running]),
        (["--instance", sled], []),
    ])
    func `list filters`(arguments: [String], expected: [String]) async throws {
        try await withVMMs { url in
            let result = try await run(["list", "--database-url", url, "--format", "json"] + arguments)
            #expect(result.exitCode == 0)
            let ids = try result.lines.map { line in
                try (JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])?["id"] as? String
            }
            #expect(ids == expected)
        }
    }

    @Test func `list goes on behind its first page`() async throws {
        try await withVMMs { url in
            try await execute(
                """
                INSERT INTO vmm (id, time_created, instance_id, time_state_updated, state_generation, sled_id,
                  propolis_ip, state, cpu_platform)
                SELECT gen_random_uuid(), now(), gen_random_uuid(), now(), 1, gen_random_uuid(), '::1', 'creating',
                  'amd_milan'
                FROM generate_series(1, 1200)
                """,
                on: url
            )
            let result = try await run("list", "--state", "creating", "--format", "json", "--database-url", url)
            #expect(result.lines.count == 1_200)
            #expect(Set(result.lines).count == 1_200)
        }
    }

    @Test func `failures counts by reason`() async throws {
        try await withVMMs { url in
            let text = try await run("failures", "--by", "reason", "--database-url", url)
            #expect(text.exitCode == 0)
            #expect(text.lines.count == 3)
            let json = try await run("failures", "--format", "json", "--database-url", url)
            #expect(
                json.output == """
                    {"failures":[{"deleted":1,"live":0,"reason":"prehistoric","total":1},\
                    {"deleted":0,"live":1,"reason":"sled_off","total":1}],"total":2}

                    """
            )
        }
    }

    @Test func `an unknown VMM is a failure that names it`() async throws {
        try await withVMMs { url in
            let result = try await run("show", Self.sled, "--database-url", url)
            #expect(result.exitCode == 1)
            #expect(result.output.isEmpty)
            #expect(result.error.contains(Self.sled))
        }
    }

    @Test(arguments: [
        ["list", "--state", "asleep"], ["show", "not-a-uuid"], ["show"], ["dance"], ["list", "--bogus"],
        ["list", "--local", "--database-url", "postgresql:///x"], ["failures", "--by", "moon"], ["list"],
        ["list", "--database-url", "no connection string"], ["failures", "--since", "yesterday"],
        ["show", running, "--format", "csv"], ["mark-failed", running], ["instance", "x"],
    ])
    func `wrong arguments, and no database, are usage errors`(arguments: [String]) async throws {
        let result = try await run(arguments)
        #expect(result.exitCode == 64)
        #expect(result.output.isEmpty)
        #expect(!result.error.isEmpty)
    }

    @Test(arguments: ["MIGRATE_DATABASE_URL", "DATABASE_URL"])
    func `the environment can name the database`(variable: String) async throws {
        try await withVMMs { url in
            let result = try await run(["show", Self.running], environment: [variable: url])
            #expect(result.exitCode == 0)
        }
    }

    @Test func `global options may stand before the subcommand`() async throws {
        try await withVMMs { url in
            let result = try await run("--database-url", url, "--format", "json", "show", Self.running)
            #expect(result.exitCode == 0)
            #expect(result.output.hasPrefix("{"))
        }
    }

    @Test func `without a private server there is nothing local to show`() async throws {
        let result = try await run("list", "--local")
        #expect(result.exitCode == 5)
        #expect(result.error.contains("migrate up --local"))
    }

    @Test func `the flag wins over the environment`() async throws {
        try await withVMMs { url in
            let result = try await run(
                ["show", Self.running, "--database-url", url],
                environment: ["MIGRATE_DATABASE_URL": "host=/nonexistent"]
            )
            #expect(result.exitCode == 0)
        }
    }

    @Test func `an unreachable server has an exit code of its own and gives no password away`() async throws {
        let result = try await run("list", "--database-url", "postgresql://me:geheim@/x?host=/nonexistent")
        #expect(result.exitCode == 5)
        #expect(!result.error.isEmpty)
        #expect(!result.error.contains("geheim"))
    }

    @Test(arguments: [["list"], ["list", "--reason", "sled_off"], ["show", running], ["failures"]])
    func `without failure reasons in the database the advice is to migrate`(arguments: [String]) async throws {
        try await withVMMs(through: 1) { url in
            let result = try await run(arguments + ["--database-url", url])
            #expect(result.exitCode == 1)
            #expect(result.error.contains("migrate up"))
        }
    }
}
