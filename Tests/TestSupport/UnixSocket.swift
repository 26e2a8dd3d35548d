import Glibc

/// Blocking Unix sockets.
enum UnixSocket {
    static func listen(at path: String) throws -> CInt {
        let descriptor = try open()
        guard withAddress(path, { bind(descriptor, $0, $1) }) == 0, Glibc.listen(descriptor, 64) == 0 else {
            close(descriptor)
            throw CuttingProxy.Failure("listen at \(path)")
        }
        return descriptor
    }

    static func connect(to path: String) throws -> CInt {
        let descriptor = try open()
        guard withAddress(path, { Glibc.connect(descriptor, $0, $1) }) == 0 else {
            close(descriptor)
            throw CuttingProxy.Failure("connect to \(path)")
        }
        return descriptor
    }

    /// Exactly this many bytes; nil at the end of the stream.
    static func read(_ count: Int, from descriptor: CInt) -> [UInt8]? {
        guard count >= 0 else { return nil }
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let got = bytes.withUnsafeMutableBytes {
                recv(descriptor, $0.baseAddress?.advanced(by: done), count - done, 0)
            }
            guard got > 0 || (got < 0 && errno == EINTR) else { return nil }
            done += max(0, got)
        }
        return bytes
    }

    static func write(_ bytes: [UInt8], to descriptor: CInt) -> Bool {
        var done = 0
        while done < bytes.count {
            let sent = bytes.withUnsafeBytes {
                send(descriptor, $0.baseAddress?.advanced(by: done), bytes.count - done, CInt(MSG_NOSIGNAL))
            }
            guard sent > 0 || (sent < 0 && errno == EINTR) else { return false }
            done += max(0, sent)
        }
        return true
    }

    private static func open() throws -> CInt {
        let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw CuttingProxy.Failure("socket") }
        return descriptor
    }

    private static func withAddress(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt) -> CInt {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let isFitting = withUnsafeMutableBytes(of: &address.sun_path) { buffer in
            guard path.utf8.count < buffer.count else { return false }
            buffer.copyBytes(from: path.utf8)
            return true
        }
        guard isFitting else { return -1 }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
