import Foundation
import Subprocess
import SystemPackage
import TestSupport
import Testing

/// What `vmmdb` promises about reading.
extension `The command vmmdb` {
    /// Rows show only in a transaction that is read-only, and has the timeout that was asked for.
    private static let guarded = """
        ALTER TABLE vmm RENAME TO vmm_rows; ALTER TABLE instance RENAME TO instance_rows;
        CREATE FUNCTION guarded() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
            IF current_setting('transaction_read_only') <> 'on' OR current_setting('statement_timeout') <> '7s'
            THEN RAISE 'read-only is %, the timeout %', current_setting('transaction_read_only'),
                current_setting('statement_timeout'); END IF;
            RETURN true; END $$;
        CREATE VIEW vmm AS SELECT * FROM vmm_rows WHERE guarded();
        CREATE VIEW instance AS SELECT * FROM instance_rows WHERE guarded()
        """

    @Test(arguments: [
        ["list"], ["list", "--include-deleted", "--format", "csv"], ["show", failed], ["failures"], ["abandoned"],
    ])
    func `every read runs in a transaction that the server keeps read-only`(arguments: [String]) async throws {
        try await withVMMs { url in
            try await execute(Self.guarded, on: url)
            let result = try await run(arguments + ["--database-url", url, "--statement-timeout", "7"])
            #expect(result.exitCode == 0, "\(result.error)")
            let other = try await run(arguments + ["--database-url", url])
            #expect(other.exitCode == 1)
            #expect(other.error.contains("read-only is on, the timeout 30s"))
        }
    }

    @Test func `an instance is read in such a transaction too`() async throws {
        try await withVMMs { url in
            try await execute(
                """
                INSERT INTO instance (id, name, description, time_created, time_modified, project_id, time_state_updated,
                  state_generation, active_propolis_id, ncpus, memory, hostname, state, intended_state, enable_jumbo_frames)
                VALUES ('\(Self.sled)', 'web', '', now(), now(), gen_random_uuid(), now(), 3, '\(Self.running)', 2, 1024,
                  'web', 'vmm', 'running', false)
                """,
                on: url
            )
            try await execute(Self.guarded, on: url)
            let arguments = ["instance", Self.sled, "--database-url", url]
            let result = try await run(arguments + ["--statement-timeout", "7"])
            #expect(result.exitCode == 0, "\(result.error)")
            let other = try await run(arguments)
            #expect(other.error.contains("read-only is on, the timeout 30s"))
        }
    }

    @Test(.enabled(if: !isSanitized, "the address sanitizer keeps what is freed"), arguments: ["text", "json", "csv"])
    func `many rows need no more memory than few`(format: String) async throws {
        try await withVMMs { url in
            let few = try await memory(of: ["list", "--format", format, "--database-url", url])
            #expect(few.lines < 10)
            try await execute(
                """
                INSERT INTO vmm (id, time_created, instance_id, time_state_updated, state_generation, sled_id,
                  propolis_ip, state, cpu_platform)
                SELECT gen_random_uuid(), now(), gen_random_uuid(), now(), 1, gen_random_uuid(), '::1', 'creating',
                  'amd_milan'
                FROM generate_series(1, 60000)
                """,
                on: url
            )
            let many = try await memory(of: ["list", "--format", format, "--database-url", url])
            #expect(many.lines > 60_000)
            // 60,000 rows held at once would take far more.
            #expect(many.kilobytes < few.kilobytes + 16_384, "\(few) and \(many)")
        }
    }

    /// The largest memory that a run had at once, by the kernel's account, and how many lines it wrote.
    private func memory(of arguments: [String]) async throws -> (kilobytes: Int, lines: Int) {
        let script = """
            import resource, subprocess, sys
            with subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE) as program:
                lines = sum(block.count(b"\\n") for block in iter(lambda: program.stdout.read(65536), b""))
            assert program.returncode == 0
            print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, lines)
            """
        let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appending(path: "vmmdb").path
        let result = try await Subprocess.run(
            .name("python3"),
            arguments: Arguments(["-c", script, program] + arguments),
            output: .string(limit: 1 << 10),
            error: .string(limit: 1 << 16)
        )
        let numbers = result.standardOutput.split(separator: /\s/).compactMap { Int($0) }
        try #require(numbers.count == 2, "\(result.standardError)")
        return (numbers[0], numbers[1])
    }
}
