import EphemeralPostgres
import Foundation
import Glibc
import Postgres

/// Stands between a client and the server's Unix socket, and breaks connections at exact places of the protocol.
///
/// Each connection has two threads with blocking sockets. A *request* is a message that the server answers with
/// ReadyForQuery: the first message of a connection, a simple query, or the Sync at the end of an extended one. Messages
/// and requests are counted over all connections; Terminate, which asks for nothing, is not.
public final class CuttingProxy: Sendable {
    /// On which side of a request the connection breaks.
    public enum Side: Sendable, CaseIterable {
        /// The server never gets the message.
        case before
        /// The server has answered the request, and the client has the answer, but nothing works any more.
        case answered
        /// The server has answered the request, and the client never learns what.
        case after
    }

    /// Which message.
    public enum Place: Sendable {
        /// The n-th message of clients, from 1; one that is not a request has no answer to wait for.
        case message(Int)
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
    private let latency: Duration
    private let plan = Lock(Plan())
    private let links = Lock<[ProxyLink]>([])

    private init(serverDirectory: String, port: Int, latency: Duration) throws {
        self.port = port
        self.latency = latency
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
    ///   - latency: How long each request is on its way, as over a slow link.
    ///   - body: Is given the proxy and a connection string that leads through it.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws, or when there is no socket to be had.
    public static func with<Result>(
        _ database: TestDatabase,
        latency: Duration = .zero,
        _ body: (CuttingProxy, String) async throws -> Result
    ) async throws -> Result {
        let server = database.server
        let proxy = try CuttingProxy(serverDirectory: server.socketDirectory, port: server.port, latency: latency)
        Thread.detachNewThread { proxy.acceptLoop() }
        defer { proxy.end() }
        let place = "host=\(proxy.directory) port=\(server.port)"
        return try await body(proxy, "\(place) user=\(server.userName) dbname=\(database.name)")
    }

    /// Counts messages and requests from 1 again, and breaks the connection once, at this place.
    public func cut(_ side: Side, _ place: Place) {
        plan.withLock { $0 = Plan(side: side, place: place) }
    }

    /// Gives up the planned cut, if it has not happened.
    public func cutNothing() {
        plan.withLock { $0.place = nil }
    }

    /// Whether the planned cut has happened.
    public var hasCut: Bool { plan.withLock { $0.isDone } }

    /// The requests that the client of the broken connection sent and got no answer to.
    ///
    /// Complete, for which this waits, once the client has closed its end.
    public func unanswered() async throws -> [ClientRequest] {
        while true {
            let (requests, hasEnded) = plan.withLock { ($0.unanswered, $0.hasEnded) }
            if hasEnded { return requests }
            try await Task.sleep(for: .milliseconds(1))
        }
    }

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
            let link = ProxyLink(client: client, server: server)
            links.withLock { $0.append(link) }
            Thread.detachNewThread { [self] in
                link.relayRequests(self)
                links.withLock { $0.removeAll { $0 === link } }
            }
            Thread.detachNewThread { link.relayAnswers() }
        }
        close(listener)
    }

    /// Takes in a client's message and the request that it ends; tells where the connection is to break.
    func decide(_ message: Message, _ request: ClientRequest?) -> Side? {
        plan.withLock { $0.decide(message, request) }
    }

    /// Keeps a request for as long as it is on its way.
    func delay(_ message: Message) {
        guard message.isRequest, latency > .zero else { return }
        usleep(UInt32(latency / .microseconds(1)))
    }

    func noteUnanswered(_ request: ClientRequest) {
        plan.withLock { $0.unanswered.append(request) }
    }

    func noteEnd() {
        plan.withLock { $0.hasEnded = true }
    }

    private struct Plan {
        var side = Side.before
        var place: Place?
        var isDone = false
        var unanswered: [ClientRequest] = []
        var hasEnded = false
        private var messages = 0
        private var requests = 0
        private var hasSeenText = false

        init() {}

        init(side: Side, place: Place) {
            self.side = side
            self.place = place
        }

        mutating func decide(_ message: Message, _ request: ClientRequest?) -> Side? {
            guard let place, !isDone, !message.isTerminate else { return nil }
            messages += 1
            requests += message.isRequest ? 1 : 0
            switch place {
            case .message(let number):
                isDone = messages == number
            case .request(let number):
                isDone = message.isRequest && requests == number
            case .commit(let text):
                isDone = hasSeenText && request?.commits == true
                if request?.sql.contains(text) == true { hasSeenText = true }
            }
            return isDone ? side : nil
        }
    }
}
