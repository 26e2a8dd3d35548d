import Foundation

/// Sqitch, with a plan of the same small migrations.
///
/// Debian packages it; who runs the benchmarks may do without.
struct Sqitch {
    private let folder: String
    private let psql: String

    /// Writes the plan; `psql` is the program itself, where Debian's own is a script that looks for it each time.
    init(_ files: MigrationFiles, psql: String) throws {
        let folder = files.folder.appending(path: "sqitch")
        let deploy = folder.appending(path: "deploy")
        try FileManager.default.createDirectory(at: deploy, withIntermediateDirectories: true)
        var plan = "%syntax-version=1.0.0\n%project=bench\n\n"
        for number in 1...files.count {
            let name = "t_\(MigrationFiles.version(number))"
            plan += "\(name) 2026-01-01T00:00:00Z Bench <bench@example.com>\n"
            try Data(MigrationFiles.statement(number).utf8).write(to: deploy.appending(path: "\(name).sql"))
        }
        try Data(plan.utf8).write(to: folder.appending(path: "sqitch.plan"))
        try Data("[core]\n\tengine = pg\n".utf8).write(to: folder.appending(path: "sqitch.conf"))
        (self.folder, self.psql) = (folder.path(percentEncoded: false), psql)
    }

    /// Whether it is there with its driver; tells which figure is left out if not.
    static func isInstalled(for figure: String) async -> Bool {
        do {
            _ = try await Programs.run("/usr/bin/env", ["perl", "-MApp::Sqitch", "-MDBD::Pg", "-e", "1"])
            return true
        } catch {
            let why = "Sqitch is not installed (on Debian: apt-get install sqitch libdbd-pg-perl)"
            FileHandle.standardError.write(Data("bench: \(figure): left out, \(why)\n".utf8))
            return false
        }
    }

    /// A command, as a process: milliseconds.
    func run(_ command: String, _ target: String) async throws -> Turn {
        let meter = Meter()
        _ = try await Programs.run(
            "/usr/bin/env",
            ["sqitch", "--chdir", folder, command, "--client", psql, target],
            environment: ["SQITCH_FULLNAME": "Bench", "SQITCH_EMAIL": "bench@example.com"]
        )
        return [.time: meter.elapsed / 1e6]
    }
}
