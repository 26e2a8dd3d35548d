import Glibc
import Postgres
import Synchronization

/// One connection through a ``CuttingProxy``; its sockets are closed with the last thread that uses it.
final class ProxyLink: Sendable {
    private let client: CInt
    private let server: CInt
    private let side = Lock<CuttingProxy.Side?>(nil)
    private let isBroken = Atomic(false)

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

    /// Breaks the connection so that what the client still sends arrives here, and nowhere else.
    private func breakOff() {
        isBroken.store(true, ordering: .sequentiallyConsistent)
        shutdown(server, CInt(SHUT_RDWR))
        shutdown(client, CInt(SHUT_WR))
    }

    func relayRequests(_ proxy: CuttingProxy) {
        defer { cut() }
        var requests = RequestReader()
        var isPlanned = false
        var next = Message(startupFrom: client)
        while let message = next {
            let request = requests.see(message)
            proxy.delay(message)
            if isBroken.load(ordering: .sequentiallyConsistent) {
                if isPlanned, let request { proxy.noteUnanswered(request) }
            } else {
                let decision = proxy.decide(message, request)
                isPlanned = isPlanned || decision != nil
                relay(message, decision)
                if let request, decision == .before || decision == .after { proxy.noteUnanswered(request) }
            }
            next = Message(from: client)
        }
        if isPlanned { proxy.noteEnd() }
    }

    private func relay(_ message: Message, _ decision: CuttingProxy.Side?) {
        guard decision != .before else { return breakOff() }
        // Before the server can answer.
        if decision != nil { side.withLock { $0 = decision } }
        let isSent = UnixSocket.write(message.bytes, to: server)
        if !isSent || (decision != nil && !message.isRequest) { breakOff() }
    }

    func relayAnswers() {
        while let message = Message(from: server) {
            let side = side.withLock { $0 }
            // Before the client has the answer, and can send more.
            if side != nil, message.isReadyForQuery { isBroken.store(true, ordering: .sequentiallyConsistent) }
            if side != .after, !UnixSocket.write(message.bytes, to: client) { break }
            if side != nil, message.isReadyForQuery { return breakOff() }
        }
        // What breaks by plan stays open for what the client sends in vain.
        if !isBroken.load(ordering: .sequentiallyConsistent) { cut() }
    }
}

/// A message of the protocol: a byte for its type, its length, its body.
struct Message {
    private static let lengthSize = 4
    /// In the place of a protocol's version, in a connection that is only to cancel another's statement.
    private static let cancelRequest: [UInt8] = [4, 210, 22, 46]

    let bytes: [UInt8]
    /// The type; nil for the first message of a connection, which has none.
    let type: UInt8?

    init?(from descriptor: CInt) {
        guard let head = UnixSocket.read(1 + Self.lengthSize, from: descriptor),
            let body = UnixSocket.read(Self.length(Array(head.dropFirst())) - Self.lengthSize, from: descriptor)
        else { return nil }
        bytes = head + body
        type = head[0]
    }

    init?(startupFrom descriptor: CInt) {
        guard let head = UnixSocket.read(Self.lengthSize, from: descriptor),
            let body = UnixSocket.read(Self.length(head) - Self.lengthSize, from: descriptor)
        else { return nil }
        bytes = head + body
        type = nil
    }

    var isRequest: Bool {
        guard let type else { return !isCancel }
        return type == UInt8(ascii: "Q") || type == UInt8(ascii: "S")
    }

    var isReadyForQuery: Bool { type == UInt8(ascii: "Z") }
    var isTerminate: Bool { type == UInt8(ascii: "X") || (type == nil && isCancel) }
    private var isCancel: Bool { bytes.dropFirst(Self.lengthSize).starts(with: Self.cancelRequest) }

    /// The first two texts of the body; empty where there are none.
    var texts: [String] {
        let parts = bytes.dropFirst(1 + Self.lengthSize).split(separator: 0, omittingEmptySubsequences: false)
        return (0..<2).map { $0 < parts.count ? String(decoding: parts[$0], as: UTF8.self) : "" }
    }

    private static func length(_ bytes: [UInt8]) -> Int {
        bytes.reduce(0) { $0 << 8 | Int($1) }
    }
}
