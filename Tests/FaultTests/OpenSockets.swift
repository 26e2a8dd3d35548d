import EphemeralPostgres
import Foundation
import Glibc
import Postgres

/// The descriptors of this process that lead to a server; those of other tests do not count.
enum OpenSockets {
    static func count(to server: EphemeralServer) -> Int {
        count(to: "\(server.socketDirectory)/.s.PGSQL.\(server.port)")
    }

    static func count(to socket: String) -> Int {
        let descriptors = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return descriptors.compactMap { CInt($0) }.count { peer(of: $0) == socket }
    }

    private static func peer(of descriptor: CInt) -> String? {
        var address = sockaddr_un()
        var length = socklen_t(MemoryLayout<sockaddr_un>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(descriptor, $0, &length) }
        }
        guard status == 0, address.sun_family == sa_family_t(AF_UNIX) else { return nil }
        return withUnsafeBytes(of: address.sun_path) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}

/// What a server knows of its clients.
enum ServerSessions {
    /// Waits until there is no session but the one that asks; false when others stay.
    static func waitUntilAlone(_ configuration: PostgresConfiguration) async throws -> Bool {
        try await PostgresConnection.withConnection(to: configuration) { connection in
            for _ in 0..<1200 {
                let others: Int64 = try await connection.query(
                    """
                    SELECT count(*) FROM pg_stat_activity
                    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
                    """
                ).one().decode(at: 0)
                if others == 0 { return true }
                try await Task.sleep(for: .milliseconds(25))
            }
            return false
        }
    }
}
