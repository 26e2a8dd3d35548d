import FoundationEssentials
import Glibc

/// The directory that holds PostgreSQL's server programs, and those beside them that are needed to run a server.
public struct ServerPrograms: Sendable, Hashable {
    /// The directory of the programs, an absolute path such as `/usr/lib/postgresql/15/bin`.
    public let directory: String

    static let needed = ["initdb", "postgres", "pg_ctl", "pg_isready", "createdb", "dropdb"]

    /// The path of one program.
    func path(of program: String) -> String { "\(directory)/\(program)" }

    /// Finds the programs.
    ///
    /// `explicit`, or else the environment variable `VMM_STORE_PG_BIN`, decides alone when given. Otherwise the first of
    /// these that holds every program needed: what `pg_config --bindir` says (`PG_CONFIG` names another `pg_config`),
    /// the newest version under `/usr/lib/postgresql`, the directories of `PATH`.
    ///
    /// - Parameter explicit: the directory to use, or `nil` to look for one.
    /// - Returns: a directory that holds every program needed.
    /// - Throws: ``PostgresServerError/serverProgramsIncomplete(directory:missing:)`` when the directory asked for lacks
    ///   a program, ``PostgresServerError/serverProgramsNotFound(searched:)`` when there is none at all.
    public static func find(in explicit: String? = nil) async throws -> ServerPrograms {
        if let directory = explicit ?? ProcessEnvironment["VMM_STORE_PG_BIN"] {
            let missing = needed.filter { !isProgram("\(directory)/\($0)") }
            guard missing.isEmpty else {
                throw PostgresServerError.serverProgramsIncomplete(directory: directory, missing: missing)
            }
            return ServerPrograms(directory: directory)
        }
        return try await find(
            configurationProgram: ProcessEnvironment["PG_CONFIG"],
            versionsDirectory: "/usr/lib/postgresql",
            searchPath: ProcessEnvironment["PATH"] ?? ""
        )
    }

    /// The search itself, with its places as parameters.
    static func find(
        configurationProgram: String?,
        versionsDirectory: String,
        searchPath: String
    ) async throws -> ServerPrograms {
        let onPath = searchPath.split(separator: ":").map(String.init).filter { $0.hasPrefix("/") }
        var searched: [String] = []
        let configurationPrograms = configurationProgram.map { [$0] } ?? onPath.map { "\($0)/pg_config" }
        if let program = configurationPrograms.first(where: isProgram) {
            searched.append("`\(program) --bindir`")
            if let directory = await bindir(of: program), isComplete(directory) {
                return ServerPrograms(directory: directory)
            }
        }
        searched.append("\(versionsDirectory)/*/bin")
        if let directory = versions(in: versionsDirectory).first(where: isComplete) {
            return ServerPrograms(directory: directory)
        }
        searched.append("PATH")
        // A link in PATH to initdb alone is common: its siblings are where it points to.
        for directory in onPath {
            let target = URL(fileURLWithPath: "\(directory)/initdb").resolvingSymlinksInPath()
            let candidate = target.deletingLastPathComponent().path
            if isComplete(candidate) { return ServerPrograms(directory: candidate) }
        }
        throw PostgresServerError.serverProgramsNotFound(searched: searched)
    }

    private static func bindir(of program: String) async -> String? {
        let ourselves = ServerUser(userID: geteuid(), groupID: getegid())
        // A pg_config that does not run only means that the other places decide.
        guard let outcome = try? await ProgramRunner.run(program, ["--bindir"], as: ourselves), outcome.isSuccess
        else { return nil }
        return outcome.output.split(whereSeparator: \.isNewline).first.map(String.init)
    }

    /// The `bin` directories of the versions installed, newest first.
    private static func versions(in directory: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        let versions = names.compactMap { name in Double(name).map { (name: name, number: $0) } }
        return versions.sorted { $0.number > $1.number }.map { "\(directory)/\($0.name)/bin" }
    }

    private static func isComplete(_ directory: String) -> Bool {
        needed.allSatisfy { isProgram("\(directory)/\($0)") }
    }

    private static func isProgram(_ path: String) -> Bool {
        access(path, X_OK) == 0
    }
}
