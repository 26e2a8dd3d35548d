import EphemeralPostgres
import Foundation
import Glibc
import Synchronization

/// Stands between a client and the server's Unix socket, and breaks connections at exact places of the protocol.
///
/// Each connection has two threads with blocking sockets. A *request* is a message that the server answers with
/// ReadyForQuery: a simple query, or the Sync at the end of an extended one; they are counted over all connections.
public final class CuttingProxy: Sendable {
    /// On which side of a request the connection breaks.
    public enum Side: Sendable, CaseIterable {
        /// The server never gets the request.
        case before
        /// The server has answered the request, and the client never learns what.
        case after
    }

    /// Which request.
    public enum Place: Sendable {
        /// The n-th, from 1.
        case request(Int)
        /// The first COMMIT behind a query that holds this text.
        case commit(behind: String)
    }

    /// A call of the system that failed.
    struct Failure: Error {
        let operation: String
        let reason = String(cString: strerror(errno))

        init(_ operation: String) {
            self.operation = operation
        }
    }

    private let directory: String
    private let port: Int
    private let serverSocket: String
    private let listener: CInt
    private let plan = Mutex(Plan())
    private let links = Mutex<[Link]>([])

    private init(serverDirectory: String, port: Int) throws {
        self.port = port
        serverSocket = "\(serverDirectory)/.s.PGSQL.\(port)"
        // mkdtemp(3) puts characters of its own in the place of the last six.
        var template = Array("/tmp/cut-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure("mkdtemp") }
        directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        listener = try UnixSocket.listen(at: "\(directory)/.s.PGSQL.\(port)")
    }

    /// Runs `body` with a proxy, which ends with it.
    ///
    /// - Parameters:
    ///   - database: The database to which connections through the proxy lead.
    ///   - body: Is given the proxy and a connection string that leads through it.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws, or when there is no socket to be had.
    public static func with<Result>(
        _ database: TestDatabase,
        _ body: (CuttingProxy, String) async throws -> Result
    ) async throws -> Result {
        let server = database.server
        let proxy = try CuttingProxy(serverDirectory: server.socketDirectory, port: server.port)
        Thread.detachNewThread { proxy.acceptLoop() }
        defer { proxy.end() }
        let place = "host=\(proxy.directory) port=\(server.port)"
        return try await body(proxy, "\(place) user=\(server.userName) dbname=\(database.name)")
    }

    /// Counts requests from 1 again, and breaks the connection once, at this place.
    public func cut(_ side: Side, _ place: Place) {
        plan.withLock { $0 = Plan(side: side, place: place) }
    }

    /// Whether the planned cut has happened.
    public var hasCut: Bool { plan.withLock { $0.isDone } }

    /// Breaks every connection now.
    public func cutAll() {
        for link in links.withLock({ $0 }) { link.cut() }
    }

    private func end() {
        shutdown(listener, CInt(SHUT_RDWR))
        cutAll()
        try? FileManager.default.removeItem(atPath: directory)
    }

    private func acceptLoop() {
        while true {
            let client = accept(listener, nil, nil)
            guard client >= 0 else { break }
            guard let server = try? UnixSocket.connect(to: serverSocket) else {
                close(client)
                continue
            }
            let link = Link(client: client, server: server)
            links.withLock { $0.append(link) }
            Thread.detachNewThread { [self] in link.relayRequests { decide($0) } }
            Thread.detachNewThread { link.relayAnswers() }
        }
        close(listener)
    }

    private func decide(_ query: String?) -> Side? {
        plan.withLock { $0.decide(query) }
    }

    private struct Plan {
        var side = Side.before
        var place: Place?
        var isDone = false
        private var count = 0
        private var hasSeenText = false

        init() {}

        init(side: Side, place: Place) {
            self.side = side
            self.place = place
        }

        /// Takes in a request: the text of a simple query, nil for an extended one.
        mutating func decide(_ query: String?) -> Side? {
            guard let place, !isDone else { return nil }
            count += 1
            switch place {
            case .request(let number):
                isDone = count == number
            case .commit(let text):
                isDone = hasSeenText && query == "COMMIT"
                if query?.contains(text) == true { hasSeenText = true }
            }
            return isDone ? side : nil
        }
    }
}

/// One connection through the proxy; its sockets are closed with the last thread that uses it.
private final class Link: Sendable {
    private let client: CInt
    private let server: CInt
    private let swallowsAnswer = Atomic(false)

    init(client: CInt, server: CInt) {
        self.client = client
        self.server = server
    }

    deinit {
        close(client)
        close(server)
    }

    func cut() {
        shutdown(client, CInt(SHUT_RDWR))
        shutdown(server, CInt(SHUT_RDWR))
    }

    func relayRequests(_ decide: (String?) -> CuttingProxy.Side?) {
        defer { cut() }
        // The first message has no type.
        guard let startup = UnixSocket.read(Message.lengthSize, from: client),
            let rest = UnixSocket.read(Message.length(startup) - Message.lengthSize, from: client),
            UnixSocket.write(startup + rest, to: server)
        else { return }
        while let message = Message(from: client) {
            switch message.isRequest ? decide(message.query) : nil {
            case .before: return
            case .after: swallowsAnswer.store(true, ordering: .sequentiallyConsistent)
            case nil: break
            }
            guard UnixSocket.write(message.bytes, to: server) else { return }
        }
    }

    func relayAnswers() {
        defer { cut() }
        while let message = Message(from: server) {
            if swallowsAnswer.load(ordering: .sequentiallyConsistent) {
                if message.isReadyForQuery { return }
            } else {
                guard UnixSocket.write(message.bytes, to: client) else { return }
            }
        }
    }
}

/// A message of the protocol: a byte for its type, its length, its body.
private struct Message {
    static let lengthSize = 4

    let bytes: [UInt8]

    init?(from descriptor: CInt) {
        guard let head = UnixSocket.read(1 + Self.lengthSize, from: descriptor),
            let body = UnixSocket.read(Self.length(Array(head.dropFirst())) - Self.lengthSize, from: descriptor)
        else { return nil }
        bytes = head + body
    }

    var isRequest: Bool { bytes[0] == UInt8(ascii: "Q") || bytes[0] == UInt8(ascii: "S") }
    var isReadyForQuery: Bool { bytes[0] == UInt8(ascii: "Z") }

    /// The text of a simple query.
    var query: String? {
        guard bytes[0] == UInt8(ascii: "Q") else { return nil }
        return String(decoding: bytes.dropFirst(1 + Self.lengthSize).dropLast(), as: UTF8.self)
    }

    static func length(_ bytes: [UInt8]) -> Int {
        bytes.reduce(0) { $0 << 8 | Int($1) }
    }
}

/// Blocking Unix sockets.
private enum UnixSocket {
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
