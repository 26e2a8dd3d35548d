import Glibc

/// Ports of the loopback interface.
enum LoopbackPort {
    /// A port that nobody listens on now.
    ///
    /// Somebody may take it before the server does; the server's start fails then, saying so.
    static func free() throws -> Int {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Files.failure("create a socket on", "127.0.0.1") }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(descriptor, generic, length) == 0 && getsockname(descriptor, generic, &length) == 0
            }
        }
        guard result else { throw Files.failure("bind a port of", "127.0.0.1") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
