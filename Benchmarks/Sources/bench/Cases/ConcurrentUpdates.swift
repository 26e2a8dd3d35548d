import Foundation
import Postgres
import Synchronization
import VMMDatastore

extension Benchmark {
    /// Sixteen callers at once, against pgbench with the same statement.
    static let guardedUpdate16 = Benchmark("guarded-update-16", "16 tasks, pool of 16") { stage in
        let table = try await stage.makeVMMs()
        let pool = PostgresPool(table.configuration, maximumConnections: 16)
        let datastore = Datastore(pool)
        for _ in 0..<2 { _ = try await datastore.updates(tasks: 1, seconds: 0.1, of: table) }
        let sql = try await pool.withConnection { try await $0.preparedStatement(beginningWith: "WITH found") }
        let script = FileManager.default.temporaryDirectory.appending(path: "guarded-update-\(UUID().uuidString).sql")
        try pgbenchScript(sql, table).write(to: script, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: script) }
        let rounds = try await Rounds.alternate(
            stage.turns(),
            [
                Side("ours") { try await datastore.updates(tasks: 16, seconds: 1, of: table) },
                Side("pgbench -c 16 -M prepared") {
                    let output = try await Programs.run(
                        stage.program("pgbench"),
                        [
                            "-n", "-c", "16", "-j", "2", "-M", "prepared", "-T", "1", "-f", script.path(),
                            "-D", "base=\(table.nextBase())", table.connectionString,
                        ]
                    )
                    guard
                        let rate = output.split(separator: "\n").first(where: { $0.hasPrefix("tps = ") })?
                            .split(separator: " ").dropFirst(2).first.flatMap({ Double($0) })
                    else { throw Programs.Failure(description: "pgbench said: \(output)") }
                    return [.rate: rate]
                },
            ]
        )
        await pool.shutDown()
        return [
            rounds.figure("guarded-update-16", .rate, "1/s", bar: .ratioAtLeast(0.80)),
            rounds.figure("guarded-update-16 client CPU", .cpu, "ns", limit: 12_000),
        ]
    }

    /// Many more callers than connections.
    static let guardedUpdate1024 = Benchmark("guarded-update-1024", "1,024 tasks, pool of 16") { stage in
        let table = try await stage.makeVMMs()
        let pool = PostgresPool(table.configuration, maximumConnections: 16)
        let datastore = Datastore(pool)
        let rounds = try await Rounds.alternate(
            stage.turns(),
            [
                Side("ours") { try await datastore.updates(tasks: 1024, seconds: 2, of: table) },
                Side("ours, 16 tasks") { try await datastore.updates(tasks: 16, seconds: 2, of: table) },
            ]
        )
        await pool.shutDown()
        return [
            rounds.figure("guarded-update-1024", .rate, "1/s", bar: .ratioAtLeast(0.85)),
            rounds.figure("guarded-update-1024 fairness", .fairness, "least/mean"),
        ]
    }

    /// Each client has rows of its own, so that its counter makes every update newer.
    private static func pgbenchScript(_ sql: String, _ table: VMMTable) -> String {
        // The load script's identifiers are hashes, which pgbench cannot compute: the server does.
        let text = sql.replacing("$1", with: "md5('vmm' || :number)::uuid")
            .replacing("$2", with: "'running'").replacing("$3", with: "NULL")
            .replacing("$4", with: ":generation").replacing("$5", with: "'2026-05-05Z'")
        let rowsOfEach = table.ids.count / 16
        return """
            \\set turn :client_id * \(rowsOfEach) + random(1, \(rowsOfEach))
            \\set number CASE WHEN :turn % 60 = 0 THEN :turn - 1 ELSE :turn END
            \\set base :base + 1
            \\set generation :base
            \(text.split(separator: "\n").joined(separator: " "));
            """
    }
}

extension Datastore {
    /// Lets so many tasks update rows of their own for so long.
    ///
    /// - Returns: updates in a second, what each costs the client's processor, and the least that a task did as a part
    ///   of the mean.
    func updates(tasks: Int, seconds: Double, of table: VMMTable) async throws -> Turn {
        let base = table.nextBase()
        let end = End()
        let meter = Meter()
        let counts = try await withThrowingTaskGroup(of: Int?.self) { group in
            for task in 0..<tasks {
                group.addTask {
                    var count = 0
                    while !end.hasCome.load(ordering: .relaxed) {
                        let (id, runtime) = try table.update(count * tasks + task, base: base)
                        guard case .updated = try await self.updateRuntime(of: id, to: runtime) else {
                            throw Programs.Failure(description: "an update was not written")
                        }
                        count += 1
                    }
                    return count
                }
            }
            group.addTask {
                try await Task.sleep(for: .seconds(seconds))
                end.hasCome.store(true, ordering: .relaxed)
                return nil
            }
            return try await group.reduce(into: [Int]()) { counts, count in
                if let count { counts.append(count) }
            }
        }
        let total = Double(counts.reduce(0, +))
        return [
            .rate: total / meter.elapsed * 1e9, .cpu: meter.cpu / total,
            .fairness: Double(counts.min() ?? 0) / (total / Double(tasks)),
        ]
    }
}

/// Tells tasks to stop.
private final class End: Sendable {
    let hasCome = Atomic(false)
}
