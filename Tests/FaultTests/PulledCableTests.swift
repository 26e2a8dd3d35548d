import EphemeralPostgres
import Foundation
import Glibc
import Postgres
import SchemaMigrations
import Subprocess
import SystemPackage
import TestSupport
import Testing

/// A runner whose machine is cut off: nothing tells the server that it is gone.
@Suite struct PulledCableTests {
    /// A migration whose last step does not end, and what it is when it does.
    struct Work: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let endless: [String: String]
        let mended: [String: String]
    }

    private static let works = [
        Work(
            testDescription: "in a step",
            endless: ["1_slow/up.sql": "CREATE TABLE t (id int); SELECT pg_sleep(3600)"],
            mended: ["1_slow/up.sql": "CREATE TABLE t (id int)"]
        ),
        Work(
            testDescription: "in a batch of a backfill",
            endless: fill(where: "id = 1 AND pg_sleep(3600) IS NOT NULL"),
            mended: fill(where: "id = 1")
        ),
    ]

    private static func fill(where condition: String) -> [String: String] {
        [
            "1_slow/01_table.sql": "CREATE TABLE t (id int); INSERT INTO t VALUES (1)",
            "1_slow/02_fill.sql": "-- migrate: backfill table=t\nUPDATE t SET id = 2 WHERE \(condition)",
        ]
    }

    @Test(.enabled(if: Cable.canBeLaid, "needs root, ip(8) and scripts/test --faults"), arguments: works)
    func `what a runner held is free again after its cable was pulled, and the next run goes on`(
        _ work: Work
    ) async throws {
        try await Cable.with { cable in
            var options = EphemeralServer.Options()
            options.settings["listen_addresses"] = cable.serverAddress
            try await EphemeralServer.withServer(options) { server in
                let configuration = try PostgresConfiguration(server.connectionString(database: "postgres"))
                try await PostgresConnection.withConnection(to: configuration) { connection in
                    try await admit(cable.runnerAddress, to: server, connection)
                    let seconds = try await losesRunner(work, cable, server, connection)
                    let source = try MigrationSource(files: work.mended)
                    let result = try await Migrator(source: source, database: configuration).up()
                    #expect(result.steps.count == 1)
                    FaultRun.tell(
                        "the runner's cable is pulled \(work.testDescription)",
                        "the server had ended its transactions, and its locks with them, after \(seconds) s, and the runner "
                            + "itself had given up; the next run applied the step"
                    )
                }
            }
        }
    }

    private func admit(_ address: String, to server: EphemeralServer, _ connection: PostgresConnection) async throws {
        let rules = try FileHandle(forWritingTo: URL(filePath: "\(server.dataDirectory)/pg_hba.conf"))
        try rules.seekToEnd()
        try rules.write(contentsOf: Data("\nhost all all \(address)/32 trust\n".utf8))
        try rules.close()
        try await connection.execute(script: "SELECT pg_reload_conf()")
    }

    /// Starts a runner on the other end, pulls the cable while its step works, and waits for both sides to notice.
    private func losesRunner(
        _ work: Work,
        _ cable: Cable,
        _ server: EphemeralServer,
        _ connection: PostgresConnection
    ) async throws -> Int64 {
        let folder = FileManager.default.temporaryDirectory.appending(path: "cable-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder.appending(path: "1_slow"), withIntermediateDirectories: true)
        for (path, text) in work.endless { try Data(text.utf8).write(to: folder.appending(path: path)) }
        let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let program = URL(filePath: tests).deletingLastPathComponent().appending(path: "migrate").path()
        let database = "host=\(cable.serverAddress) port=\(server.port) user=postgres dbname=postgres"
        let result = try await Subprocess.run(
            .path(FilePath("/usr/sbin/ip")),
            arguments: [
                "netns", "exec", cable.name, program, "up", "--migrations", folder.path(), "--database-url", database,
            ],
            input: .none,
            output: .discarded,
            error: .string(limit: 1 << 16)
        ) { _ in
            // An idle session holds nothing.
            let sessions = "FROM pg_stat_activity WHERE client_addr = '\(cable.runnerAddress)' AND state <> 'idle'"
            try await waitUntil(connection, "SELECT count(*) > 0 \(unsafeSQL: sessions) AND wait_event = 'PgSleep'")
            try await cable.pull()
            let begin = ContinuousClock.now
            try await waitUntil(connection, "SELECT count(*) = 0 \(unsafeSQL: sessions)")
            return (ContinuousClock.now - begin).components.seconds
        }
        #expect(!result.terminationStatus.isSuccess)
        #expect(result.standardError.contains("lost") || result.standardError.contains("timed out"))
        return result.closureResult
    }

    /// The limit, ten minutes, is far beyond what it takes.
    private func waitUntil(_ connection: PostgresConnection, _ condition: PostgresQuery) async throws {
        for _ in 0..<6000 {
            if try await connection.query(condition).one().decode(Bool.self) { return }
            try await Task.sleep(for: .milliseconds(100))
        }
        Issue.record("did not come about: \(condition)")
    }
}

/// Two ends of a network: ours, and that of a namespace in which a runner works.
private struct Cable {
    let name: String
    let serverAddress: String
    let runnerAddress: String
    private let plug: String

    /// Whether this process may lay one; only in the full run, since it takes half a minute.
    static let canBeLaid: Bool = {
        guard FaultRun.isFull, geteuid() == 0, Program.find("ip") != nil else { return false }
        let name = "vmm-probe\(getpid())"
        func ip(_ arguments: String...) -> Bool {
            let process = try? Process.run(URL(filePath: "/usr/sbin/ip"), arguments: arguments)
            process?.waitUntilExit()
            return process?.terminationStatus == 0
        }
        return ip("netns", "add", name) && ip("netns", "del", name)
    }()

    /// Lends a cable, and takes it away.
    static func with(_ body: (Cable) async throws -> Void) async throws {
        // Addresses for tests of networks (RFC 2544).
        let net = "198.18.\(UInt8.random(in: 0...255))"
        let plug = "vmm\(UInt16.random(in: 0...UInt16.max))"
        let cable = Cable(name: plug, serverAddress: "\(net).1", runnerAddress: "\(net).2", plug: plug)
        do {
            try await cable.lay()
            try await body(cable)
            await cable.remove()
        } catch {
            await cable.remove()
            throw error
        }
    }

    private func lay() async throws {
        try await ip("netns", "add", name)
        try await ip("link", "add", plug, "type", "veth", "peer", "name", "\(plug)r", "netns", name)
        try await ip("addr", "add", "\(serverAddress)/24", "dev", plug)
        try await ip("link", "set", plug, "up")
        try await ip("-n", name, "addr", "add", "\(runnerAddress)/24", "dev", "\(plug)r")
        try await ip("-n", name, "link", "set", "\(plug)r", "up")
    }

    /// From now on nothing arrives, on neither side, and nobody is told.
    ///
    /// The far end is taken down: packets of the near one leave and are lost, as on a wire.
    func pull() async throws {
        try await ip("-n", name, "link", "set", "\(plug)r", "down")
    }

    private func remove() async {
        try? await ip("link", "del", plug)
        try? await ip("netns", "del", name)
    }

    private func ip(_ arguments: String...) async throws {
        try await Program.run("ip", arguments)
    }
}
