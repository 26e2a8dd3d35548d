import Foundation
import Glibc

struct ListenerFailure: Error {}

/// A socket on the loopback that accepts connections and never says anything.
final class Listener: Sendable {
    private let descriptor: Int32
    let port: UInt16

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 && listen(descriptor, 8) == 0
                    && getsockname(descriptor, address, &length) == 0
            }
        }
        guard status else { throw ListenerFailure() }
        port = UInt16(bigEndian: address.sin_port)
    }

    func close() {
        _ = Glibc.close(descriptor)
    }

    /// Accepts one connection, answers each of the client's messages with the next reply, and then waits until the
    /// client closes the connection.
    ///
    /// Returns whether it did.
    func serve(_ replies: [[UInt8]]) async -> Bool {
        let descriptor = descriptor
        return await withCheckedContinuation { continuation in
            // A thread of its own: it waits, and a queue's few threads may all be waiting for others.
            Thread.detachNewThread {
                let connection = accept(descriptor, nil, nil)
                defer { _ = Glibc.close(connection) }
                var buffer = [UInt8](repeating: 0, count: 4096)
                for reply in replies {
                    guard recv(connection, &buffer, buffer.count, 0) > 0 else {
                        return continuation.resume(returning: false)
                    }
                    _ = send(connection, reply, reply.count, Int32(MSG_NOSIGNAL))
                }
                var received = 0
                repeat { received = recv(connection, &buffer, buffer.count, 0) } while received > 0
                // A client that leaves bytes unread ends the connection by a reset.
                continuation.resume(returning: received == 0 || errno == ECONNRESET)
            }
        }
    }
}
