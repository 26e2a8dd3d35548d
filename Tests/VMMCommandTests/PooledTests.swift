import Foundation
import Postgres
import TestSupport
import Testing

/// Through a pooler that gives each transaction another session.
extension `The command vmmdb` {
    @Test(.enabled(if: PgBouncer.program != nil, "needs the package pgbouncer"))
    func `each command works through a pooler in transaction mode, and what reads cannot write`() async throws {
        try await withPooledVMMs { direct, pooled in
            for command in [["list"], ["show", Self.running], ["failures"], ["abandoned"]] {
                let expected = try await run(command + ["--database-url", direct])
                let through = try await run(command + ["--database-url", pooled])
                #expect(through.exitCode == 0, "\(through.error)")
                #expect(through.output == expected.output)
                #expect(!through.output.isEmpty)
            }
            let marked = try await run("mark-failed", Self.running, "--reason", "sled_off", "--database-url", pooled)
            #expect(marked.exitCode == 0, "\(marked.error)")
            #expect(marked.output == "\(Self.running) was running and is failed now: sled_off\n")
            let row = try await json("show", Self.running, "--database-url", pooled)
            #expect(row["failure_reason"] as? String == "sled_off")
        }
    }

    @Test(.enabled(if: PgBouncer.program != nil, "needs the package pgbouncer"))
    func `mark-failed gives up at its limit behind a pooler too, and has written nothing`() async throws {
        try await withPooledVMMs { direct, pooled in
            try await PostgresConnection.withConnection(to: try PostgresConfiguration(direct)) { owner in
                try await owner.execute(script: "BEGIN; SELECT FROM vmm FOR UPDATE")
                let arguments = ["mark-failed", Self.running, "--reason", "sled_off", "--statement-timeout", "1"]
                let result = try await run(arguments + ["--database-url", pooled])
                #expect(result.exitCode == 1)
                #expect(result.error.contains("error: the timeout passed"))
                try await owner.execute(script: "COMMIT")
            }
            let row = try await json("show", Self.running, "--database-url", direct)
            #expect(row["state"] as? String == "running")
        }
    }
}
