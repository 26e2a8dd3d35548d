import FoundationEssentials
import Glibc

/// The steps that bring a local server up, taken under its lock.
///
/// Each step leaves what the next run can go on from.
struct LocalServerLaunch {
    let server: LocalServer

    func run(_ record: inout LocalServerRecord) async throws -> LocalServer.StartOutcome {
        var outcome = LocalServer.StartOutcome.started
        if server.hasCluster(record) {
            if try await isUsable(record) {
                outcome = .alreadyRunning
            } else {
                try await startServer(&record)
            }
        } else {
            outcome = record.databases.isEmpty ? .created : .recreated
            record.databases = []
            try await placeFolder(&record)
            try await createCluster(in: server.folder(record))
            try await startServer(&record)
        }
        try await createDatabase(&record)
        return outcome
    }

    /// Whether the server is up and its socket there; waits for a server that is on its way up or down.
    private func isUsable(_ record: LocalServerRecord) async throws -> Bool {
        let folder = server.folder(record)
        let socket = "\(server.socketDirectory(record))/.s.PGSQL.\(server.port)"
        let deadline = ContinuousClock.now + .seconds(60)
        while let postmaster = PostmasterFile.live(inDataDirectory: folder.data) {
            if postmaster.isReady {
                if FileStatus(path: socket) != nil { return true }
                // Something that tidies temporary folders took the socket: nobody can connect any more.
                try await server.controlServer(in: folder, ["--mode=fast", "--wait", "--timeout=60", "stop"])
                return false
            }
            guard ContinuousClock.now < deadline else {
                throw failure("the server has been starting or stopping for a minute", folder)
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        return false
    }

    /// Finds a place for a new server's folder: inside the directory if the server's user gets there, else temporary.
    private func placeFolder(_ record: inout LocalServerRecord) async throws {
        record.folder = nil
        record.socketDirectory = nil
        let user = try ServerUser.preferred()
        record.userID = user.userID
        if try await ServerFolder.isReachable(server.directory, for: user) {
            let folder = server.folder(record)
            if FileStatus(path: folder.path) != nil { try await folder.remove(as: ServerUser.owner(of: folder.path)) }
            try Files.createFolder(folder.path, mode: 0o700, owner: user)
        } else {
            // Unlike /tmp, /var/tmp keeps its files when the machine restarts.
            let folder = try await ServerFolder.createTemporary(in: ["/var/tmp", "/tmp"], owner: user)
            record.folder = folder.path
        }
    }

    /// Creates the cluster beside its final place, then moves it there: an interrupted attempt is never taken for data.
    private func createCluster(in folder: ServerFolder) async throws {
        let programs = try await ServerPrograms.find(in: server.programsDirectory)
        let settings = ServerSettings(["listen_addresses": "", "port": String(server.port)])
        let configuration = try settings.overridden(by: .common).configuration()
        let script = #"""
            umask 077
            new=data.new.$$
            cd "$2" && rm -rf data.new.* || exit
            "$1/initdb" --pgdata="$new" --username="$3" --auth-local=trust --auth-host=reject \
                --encoding=UTF8 --locale=C >initdb.log 2>&1 || { tail -n 20 initdb.log; exit 1; }
            printf '%s\n' "$4" >>"$new/postgresql.conf" && mv "$new" data && rm -f initdb.log
            """#
        let arguments = [programs.directory, folder.path, server.userName, configuration]
        let outcome = try await ProgramRunner.runShell(script, arguments, as: .owner(of: folder.path))
        guard outcome.isSuccess else {
            throw PostgresServerError.commandFailed(
                command: programs.path(of: "initdb"),
                status: "\(outcome.status)",
                output: outcome.output
            )
        }
    }

    private func startServer(_ record: inout LocalServerRecord) async throws {
        let folder = server.folder(record)
        let user = try ServerUser.owner(of: folder.data)
        try await placeSocket(&record, owner: user)
        // What a crash left behind names processes that may be somebody else's by now. The server still refuses to
        // start while a process of the crashed one uses its shared memory.
        let socket = "\(server.socketDirectory(record))/.s.PGSQL.\(server.port)"
        let leftovers = ["\(folder.data)/postmaster.pid", socket, "\(socket).lock"]
        _ = try await ProgramRunner.runShell(#"rm -f -- "$@""#, leftovers, as: user)
        let sockets = ServerSettings.listElement(server.socketDirectory(record))
        // pg_ctl hands its --options to a shell.
        let options = "-c unix_socket_directories='\(sockets.replacing("'", with: #"'\''"#))'"
        let arguments = ["--log=\(folder.log)", "--options=\(options)", "--wait", "--timeout=60", "--silent", "start"]
        for attempt in 1... {
            do {
                return try await server.controlServer(in: folder, arguments)
            } catch PostgresServerError.commandFailed {
                let failure = failure("the server did not start", folder)
                // The crashed server's last processes are about to notice that their parent is gone.
                guard attempt < 20, failure.description.contains("is still in use") else { throw failure }
                try await Task.sleep(for: .milliseconds(250))
            }
        }
    }

    /// Makes sure of the socket's folder; a temporary one may have vanished.
    private func placeSocket(_ record: inout LocalServerRecord, owner user: ServerUser) async throws {
        let folder = server.folder(record)
        if ServerFolder.canHoldSocket(folder.socketDirectory) {
            record.socketDirectory = nil
            _ = try await ProgramRunner.runShell(#"mkdir -p -m 700 -- "$1""#, [folder.socketDirectory], as: user)
            return
        }
        if let path = record.socketDirectory, let status = FileStatus(path: path), status.isDirectory,
            status.userID == user.userID
        {
            return
        }
        record.socketDirectory = try await ServerFolder.createTemporary(in: ["/tmp", "/var/tmp"], owner: user).path
    }

    private func createDatabase(_ record: inout LocalServerRecord) async throws {
        guard !record.databases.contains(server.database) else { return }
        let programs = try await ServerPrograms.find(in: server.programsDirectory)
        let arguments = [
            "--host=\(server.socketDirectory(record))", "--port=\(server.port)", "--username=\(server.userName)",
            "--maintenance-db=postgres", "--", server.database,
        ]
        do {
            let ourselves = ServerUser(userID: geteuid(), groupID: getegid())
            try await ProgramRunner.runChecked(programs.path(of: "createdb"), arguments, as: ourselves)
        } catch PostgresServerError.commandFailed(_, _, let output) where output.contains("already exists") {
            // Created by hand, or by a run that was interrupted before it could record so.
        }
        record.databases.append(server.database)
    }

    private func failure(_ problem: String, _ folder: ServerFolder) -> PostgresServerError {
        .serverFailed(problem: problem, logFile: folder.log, logTail: Files.tail(of: folder.log))
    }
}
