import Foundation
import Postgres
import VMMDatastore
import VMMModel

extension Benchmark {
    private static let select = "SELECT \(VMM.columnNames.joined(separator: ", ")) FROM vmm"

    /// A whole table of VMMs as domain values.
    static let decode = Benchmark("decode", "200,000 rows of VMMs into domain values") { stage in
        let table = try await stage.makeVMMs()
        return try await PostgresConnection.withConnection(to: table.configuration) { connection in
            let rounds = try await Rounds.alternate(
                stage.turns(),
                [
                    Side("ours") {
                        let meter = Meter()
                        let vmms = try await connection.query("\(unsafeSQL: select)").decode(VMM.self)
                        return [.rate: Double(vmms.count) / meter.elapsed * 1e9]
                    },
                    Side("C libpq, not decoded") {
                        try await Programs.baselineTurn("fetch", table.connectionString, select)
                    },
                    Side("asyncpg") { try await Programs.pythonTurn("asyncpg", table, select) },
                    Side("psycopg 3") { try await Programs.pythonTurn("psycopg", table, select) },
                ]
            )
            return [
                rounds.figure("decode", .rate, "rows/s", bar: .ratioAtLeast(0.5)),
                rounds.figure("decode, asyncpg", .rate, "rows/s", against: 2, bar: .ratioAtLeast(3)),
                rounds.figure("decode, psycopg", .rate, "rows/s", against: 3),
            ]
        }
    }

    /// Five million rows, one after the other, in a process of its own.
    static let stream = Benchmark("stream", "5,000,000 rows, streamed: memory") { stage in
        let table = try await stage.makeVMMs()
        let rounds = try await Rounds.alternate(
            1,
            warmUp: false,
            [
                Side("ours") {
                    let output = try await Programs.run(Programs.own, ["--stream", table.connectionString])
                    let numbers = output.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
                    guard numbers.count == 2, numbers[0] == 5_000_000 else {
                        throw Programs.Failure(description: "the stream said: \(output)")
                    }
                    return [.memory: numbers[1]]
                }
            ]
        )
        return [rounds.figure("stream", .memory, "MiB", limit: 64)]
    }

    /// Reads the rows in this process, and prints their number and the most memory it had, in MiB.
    static func stream(_ database: String) async throws {
        let repeated = select + ", generate_series(1, 30) LIMIT 5000000"
        let count = try await PostgresConnection.withConnection(to: PostgresConfiguration(database)) { connection in
            try await connection.withRows("\(unsafeSQL: repeated)") { rows in
                var count = 0
                for try await vmm in rows.decode(VMM.self) where vmm.runtime.generation >= .first { count += 1 }
                return count
            }
        }
        // Not of getrusage: a child inherits that from the process that started it.
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let peak = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        let kilobytes = peak?.split(whereSeparator: { !$0.isNumber }).first.flatMap { Double($0) } ?? .infinity
        print(count, kilobytes / 1024)
    }

    /// A million rows by binary COPY.
    static let copyIn = Benchmark("copy-in", "1,000,000 rows of VMMs, binary COPY") { stage in
        let table = try await stage.makeVMMs(1_000_000)
        let names = VMM.columnNames.joined(separator: ", ")
        let file = FileManager.default.temporaryDirectory.appending(path: "vmms-\(UUID().uuidString)").path()
        defer { try? FileManager.default.removeItem(atPath: file) }
        let binary = "(FORMAT binary)"
        let psql = { (command: String) in
            _ = try await Programs.run(stage.program("psql"), ["-qX", "-d", table.connectionString, "-c", command])
        }
        try await psql("\\copy (SELECT \(names) FROM vmm) TO '\(file)' \(binary)")
        try await stage.run("CREATE UNLOGGED TABLE copied (LIKE vmm)", in: table.configuration)
        return try await PostgresConnection.withConnection(to: table.configuration) { connection in
            let vmms = try await connection.query("\(unsafeSQL: select)").decode(VMM.self)
            let rounds = try await Rounds.alternate(
                stage.turns(),
                [
                    Side("ours") {
                        try await connection.execute(script: "TRUNCATE copied")
                        let meter = Meter()
                        try await connection.copy(vmms)
                        return [.rate: Double(vmms.count) / meter.elapsed * 1e9]
                    },
                    Side("psql \\copy of the file") {
                        try await connection.execute(script: "TRUNCATE copied")
                        let meter = Meter()
                        try await psql("\\copy copied (\(names)) FROM '\(file)' \(binary)")
                        return [.rate: Double(vmms.count) / meter.elapsed * 1e9]
                    },
                ]
            )
            return [rounds.figure("copy-in", .rate, "rows/s", bar: .ratioAtLeast(0.80))]
        }
    }
}

extension PostgresConnection {
    fileprivate func copy(_ vmms: [VMM]) async throws {
        try await copy(into: "copied", columns: VMM.columnNames) { writer in
            for vmm in vmms {
                try await writer.write(
                    vmm.id,
                    vmm.timeCreated,
                    vmm.timeDeleted,
                    vmm.instanceID,
                    vmm.sledID,
                    vmm.propolisIP,
                    Int32(vmm.propolisPort),
                    vmm.cpuPlatform,
                    vmm.runtime.state.kind,
                    vmm.runtime.state.failureReason,
                    vmm.runtime.generation,
                    vmm.runtime.timeUpdated
                )
            }
        }
    }
}

extension Programs {
    /// A turn of a Python client: rows in a second.
    fileprivate static func pythonTurn(_ client: String, _ table: VMMTable, _ sql: String) async throws -> Turn {
        let output = try await run(
            venv("python"),
            [Repository.path("Benchmarks/Clients/fetch.py"), client, table.connectionString, sql]
        )
        guard let rate = Double(output.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw Failure(description: "\(client) said: \(output)")
        }
        return [.rate: rate]
    }
}
