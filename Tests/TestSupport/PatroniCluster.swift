import EphemeralPostgres
import Foundation
import Glibc
public import Postgres

/// Three PostgreSQL servers under Patroni, with one etcd, on free ports of 127.0.0.1.
///
/// A shell runs them all as an ordinary user; they end with its input, also when this process is killed.
public struct PatroniCluster: Sendable {
    /// Whether Debian's packages patroni and etcd-server are there; `scripts/install-dependencies --faults` installs them.
    public static let isInstalled = ["patroni", "patronictl", "etcd"].allSatisfy { Program.find($0) != nil }

    /// How quickly Patroni acts, in seconds: the leader's lease is far shorter than one would have it in production.
    private static let timing = "ttl: 5\n    loop_wait: 1\n    retry_timeout: 2"
    /// How often the state is asked for before it is given up, every half second.
    private static let patience = 240

    private let folder: String
    private let members: [Member]
    private let password: String
    private let input: FileHandle

    private struct Member: Sendable {
        let name: String
        let port: Int
        let apiPort: Int
    }

    /// Lends a cluster with a synchronous standby, once all of it is up.
    ///
    /// - Throws: what `body` throws, or ``ProgramFailure`` when the cluster does not come up.
    public static func with(_ body: (PatroniCluster) async throws -> Void) async throws {
        let folder = "/tmp/patroni-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o700]
        )
        let input = Pipe()
        let cluster: PatroniCluster
        let shell: Process
        do {
            let ports = try LoopbackPorts.free(8)
            cluster = PatroniCluster(folder, ports: ports, input: input.fileHandleForWriting)
            try await cluster.writeSettings(etcdPort: ports[6])
            shell = try await cluster.start(reading: input, etcdPorts: ports[6], ports[7])
        } catch {
            try? FileManager.default.removeItem(atPath: folder)
            throw error
        }
        let result: Result<Void, any Error>
        do {
            try await cluster.waitUntilWhole()
            result = .success(try await body(cluster))
        } catch { result = .failure(error) }
        try input.fileHandleForWriting.close()
        while shell.isRunning { try await Task.sleep(for: .milliseconds(20)) }
        try result.get()
    }

    private init(_ folder: String, ports: [Int], input: FileHandle) {
        self.folder = folder
        self.input = input
        password = UUID().uuidString
        members = (0..<3).map { Member(name: "m\($0 + 1)", port: ports[$0], apiPort: ports[$0 + 3]) }
    }

    /// Whichever member is the primary.
    ///
    /// - Throws: `PostgresError` for a name that cannot be one.
    public func configuration(database: String) throws -> PostgresConfiguration {
        let addresses = members.map { _ in "127.0.0.1" }.joined(separator: ",")
        let ports = members.map { "\($0.port)" }.joined(separator: ",")
        return try PostgresConfiguration(
            "hostaddr=\(addresses) port=\(ports) user=postgres password=\(password) dbname=\(database) "
                + "target_session_attrs=read-write"
        )
    }

    /// Kills a member's Patroni and all its server processes.
    ///
    /// - Throws: when it does not run.
    public func kill(_ member: String) throws {
        _ = Glibc.kill(try processID(in: "\(member).pid"), SIGKILL)
        try ServerProcesses.killAll(of: processID(in: "\(member)/postmaster.pid"))
    }

    /// Starts Patroni of a member that was killed.
    ///
    /// - Throws: when the shell is gone.
    public func revive(_ member: String) throws {
        try input.write(contentsOf: Data("\(member)\n".utf8))
    }

    /// Hands over to the synchronous standby, as an administrator does; returns when it is the leader.
    ///
    /// - Throws: ``ProgramFailure`` with what patronictl said.
    public func switchOver() async throws {
        let before = try await leader()
        try await patronictl("switchover", "test", "--force")
        let after = try await leader()
        guard after != before else {
            throw ProgramFailure(description: "patronictl switchover left \(before) the leader")
        }
    }

    /// Waits until another member takes writes.
    ///
    /// - Throws: ``ProgramFailure`` with the last error when it does not come about.
    public func waitForLeader(otherThan old: String) async throws {
        let oldPort = members.first { $0.name == old }?.port
        var last = "no answer"
        for _ in 0..<Self.patience {
            do {
                let port: Int32 = try await PostgresConnection.withConnection(
                    to: configuration(database: "postgres")
                ) { try await $0.query("SELECT inet_server_port()").one().decode(at: 0) }
                if Int(port) != oldPort { return }
                last = "\(old) still is it"
            } catch let error as PostgresError { last = error.description }
            try await Task.sleep(for: .milliseconds(500))
        }
        throw ProgramFailure(description: "no other leader than \(old): \(last)")
    }

    /// Waits until there is a leader and both others follow it, one of them synchronously.
    ///
    /// - Throws: ``ProgramFailure`` with the last state when it does not come about.
    public func waitUntilWhole() async throws {
        var last = ""
        for _ in 0..<Self.patience {
            do {
                last = try await patronictl("list", "--format", "json")
                if try MemberState.areWhole(last) { return }
            } catch let error as ProgramFailure { last = error.description }
            try await Task.sleep(for: .milliseconds(500))
        }
        throw ProgramFailure(description: "the cluster is not whole: \(last)")
    }

    private struct MemberState: Decodable {
        let Member: String
        let Role: String
        let State: String
        let TL: Int?

        static func read(_ json: String) throws -> [MemberState] {
            try JSONDecoder().decode([MemberState].self, from: Data(json.utf8))
        }

        static func areWhole(_ json: String) throws -> Bool {
            let members = try read(json)
            return members.count == 3 && members.allSatisfy { ["running", "streaming"].contains($0.State) }
                && Set(members.map(\.TL)).count == 1 && members.contains { $0.Role == "Leader" }
                && members.contains { $0.Role == "Sync Standby" }
        }
    }

    /// The leader's name.
    ///
    /// - Throws: ``ProgramFailure`` when there is none.
    public func leader() async throws -> String {
        let state = try await patronictl("list", "--format", "json")
        guard let leader = try MemberState.read(state).first(where: { $0.Role == "Leader" }) else {
            throw ProgramFailure(description: "no leader: \(state)")
        }
        return leader.Member
    }

    @discardableResult
    private func patronictl(_ arguments: String...) async throws -> String {
        try await Program.run("patronictl", ["--config-file", "\(folder)/m1.yml"] + arguments)
    }

    private func processID(in file: String) throws -> Int32 {
        let text = try String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8)
        guard let id = text.split(separator: "\n").first.flatMap({ Int32($0) }) else {
            throw ProgramFailure(description: "no process in \(file)")
        }
        return id
    }
}

// Starting and ending.
extension PatroniCluster {
    private func start(reading input: Pipe, etcdPorts client: Int, _ peer: Int) async throws -> Process {
        let shell = Process()
        shell.executableURL = URL(filePath: "/usr/bin/env")
        var command = ["HOME=\(folder)", "sh", "-c", Self.script, "sh", folder, "\(client)", "\(peer)"]
        // PostgreSQL does not run as root.
        if geteuid() == 0 {
            guard let user = getpwnam("postgres") ?? getpwnam("nobody") else {
                throw ProgramFailure(description: "no user postgres or nobody to run servers as")
            }
            let (id, group) = (user.pointee.pw_uid, user.pointee.pw_gid)
            try await Program.run("chown", ["-R", "\(id):\(group)", folder])
            command = ["setpriv", "--reuid=\(id)", "--regid=\(group)", "--clear-groups", "--", "env"] + command
        }
        shell.arguments = command
        shell.standardInput = input
        shell.standardOutput = FileHandle.nullDevice
        shell.standardError = FileHandle.nullDevice
        try shell.run()
        return shell
    }

    /// Arguments: folder, etcd's ports.
    ///
    /// Each line of the input is a member to start again; at its end all is ended. A postmaster is not a child of the shell: its process is named by its file, and is a server of this folder.
    private static let script = #"""
        folder=$1
        cd "$folder" || exit 1
        umask 077

        start() {
            patroni "$folder/$1.yml" >>"$1.log" 2>&1 </dev/null &
            echo $! >"$1.pid"
        }

        end_servers() {
            for file in */postmaster.pid; do
                [ -e "$file" ] && kill "-$1" "$(head -n 1 "$file")"
            done
        }

        client=http://127.0.0.1:$2 peer=http://127.0.0.1:$3
        etcd --data-dir etcd --listen-client-urls "$client" --advertise-client-urls "$client" \
            --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "default=$peer" \
            >etcd.log 2>&1 </dev/null &
        echo $! >etcd.pid
        for member in m1 m2 m3; do start "$member"; done
        trap : INT TERM HUP
        while read -r member; do start "$member"; done
        kill -KILL $(cat m1.pid m2.pid m3.pid etcd.pid)
        end_servers QUIT
        for attempt in 1 2 3 4 5 6 7 8 9 10; do
            sleep 0.2
            end_servers KILL && continue
            rm -rf "$folder" && break
        done
        rm -rf "$folder"
        """#

    private func writeSettings(etcdPort: Int) async throws {
        let programs = try await ServerPrograms.find(in: nil).directory
        for member in members {
            let file = "\(folder)/\(member.name).yml"
            try settings(of: member, etcdPort, programs).write(toFile: file, atomically: true, encoding: .utf8)
        }
    }

    private func settings(of member: Member, _ etcdPort: Int, _ programs: String) -> String {
        """
        scope: test
        name: \(member.name)
        restapi:
          listen: 127.0.0.1:\(member.apiPort)
          connect_address: 127.0.0.1:\(member.apiPort)
        etcd3:
          host: 127.0.0.1:\(etcdPort)
        bootstrap:
          dcs:
            \(Self.timing)
            synchronous_mode: true
            postgresql:
              use_pg_rewind: true
              parameters:
                wal_keep_size: 256MB
          initdb: [{encoding: UTF8}, {locale: C}, {auth-host: scram-sha-256}, {auth-local: trust}, no-sync]
        postgresql:
          listen: 127.0.0.1:\(member.port)
          connect_address: 127.0.0.1:\(member.port)
          data_dir: \(folder)/\(member.name)
          bin_dir: \(programs)
          pgpass: \(folder)/\(member.name).pgpass
          authentication:
            superuser: {username: postgres, password: \(password)}
            replication: {username: replicator, password: \(password)}
          parameters:
            unix_socket_directories: \(folder)
            unix_socket_permissions: "0700"
            timezone: UTC
          pg_hba:
            - local all all trust
            - host all all 127.0.0.1/32 scram-sha-256
            - host replication all 127.0.0.1/32 scram-sha-256
        """
    }
}

/// Ports for programs that are told theirs.
private enum LoopbackPorts {
    /// Different ports that nobody listens on now.
    static func free(_ count: Int) throws -> [Int] {
        var descriptors: [Int32] = []
        defer { for descriptor in descriptors { close(descriptor) } }
        return try (0..<count).map { _ in
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            descriptors.append(descriptor)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let isBound = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
                }
            }
            guard isBound else { throw ProgramFailure(description: "no free port on 127.0.0.1") }
            return Int(UInt16(bigEndian: address.sin_port))
        }
    }
}
