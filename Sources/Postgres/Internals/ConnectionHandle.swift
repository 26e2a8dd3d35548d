import CLibPQ
import Glibc
import Logging
import Synchronization

/// Owns one `PGconn` and finishes it with `PQfinish`; one method for each libpq call.
///
/// `@unchecked Sendable`: a `PGconn` may be used by one thread at a time, and it is confined to its ``Session``.
final class ConnectionHandle: @unchecked Sendable {
    private let connection: OpaquePointer
    private let notices: Unmanaged<NoticeSink>

    /// Starts to connect; nil when there is no memory.
    ///
    /// Blocks when `parameters` hold a name to resolve.
    init?(parameters: [(String, String)], logger: Logger) {
        guard let connection = Self.start(parameters) else { return nil }
        self.connection = connection
        notices = Unmanaged.passRetained(NoticeSink(logger: logger))
        // The default receiver writes to stderr.
        PQsetNoticeReceiver(
            connection,
            { context, result in
                guard let context, let notice = ResultHandle.serverError(of: result) else { return }
                Unmanaged<NoticeSink>.fromOpaque(context).takeUnretainedValue().log(notice)
            },
            notices.toOpaque()
        )
    }

    deinit {
        PQfinish(connection)
        notices.release()
    }

    /// `PQconnectStartParams`; the caller owns the connection.
    static func start(_ parameters: [(String, String)]) -> OpaquePointer? {
        withCStrings(parameters.map(\.0)) { keywords in
            withCStrings(parameters.map(\.1)) { values in
                PQconnectStartParams(keywords, values, 1)
            }
        }
    }

    /// `PQconnectPoll`.
    func connectPoll() -> PostgresPollingStatusType { PQconnectPoll(connection) }

    /// `PQsocket`; -1 when there is none.
    ///
    /// Changes between hosts while connecting.
    var socket: Int32 { PQsocket(connection) }

    /// `PQstatus`.
    var isOK: Bool { PQstatus(connection) == CONNECTION_OK }

    /// `PQerrorMessage`, without the line feed at its end.
    var errorMessage: String {
        guard let message = PQerrorMessage(connection) else { return "" }
        return String(cString: message).trimmingSuffix { $0.isNewline }
    }

    /// `PQhost` and `PQport`, for messages.
    var endpoint: String {
        let host = PQhost(connection).map { String(cString: $0) } ?? ""
        let port = PQport(connection).map { String(cString: $0) } ?? ""
        return host.hasPrefix("/") ? "\(host)/.s.PGSQL.\(port)" : "\(host):\(port)"
    }

    /// `PQconnectionNeedsPassword`: the server asked for a password and none was given.
    var needsPassword: Bool { PQconnectionNeedsPassword(connection) == 1 }

    /// `PQsetnonblocking`.
    func setNonblocking() -> Bool { PQsetnonblocking(connection, 1) == 0 }

    /// `PQbackendPID`.
    var backendProcessID: Int32 { PQbackendPID(connection) }

    /// `PQserverVersion`, for example 150020 for 15.20.
    var serverVersion: Int32 { PQserverVersion(connection) }

    /// `PQparameterStatus`: a setting that the server reports by itself.
    func parameterStatus(_ name: String) -> String? {
        PQparameterStatus(connection, name).map { String(cString: $0) }
    }

    /// `PQtransactionStatus`.
    var transactionStatus: PGTransactionStatusType { PQtransactionStatus(connection) }

    /// What is needed to cancel from another thread.
    func makeCancelHandle() -> CancelHandle? { CancelHandle(connection) }

    /// `PQsendQuery`: the simple protocol, several statements allowed, results as text.
    func send(script: String) -> Bool { PQsendQuery(connection, script) == 1 }

    /// `PQsendQueryParams`, asking for binary results.
    func send(sql: String, parameters: ParameterBuffer) -> Bool {
        withTypes(parameters) { types in
            parameters.withArrays { arrays in
                PQsendQueryParams(
                    connection,
                    sql,
                    arrays.count,
                    types,
                    arrays.values,
                    arrays.lengths,
                    arrays.formats,
                    1
                ) == 1
            }
        }
    }

    /// `PQsendPrepare`.
    func sendPrepare(name: String, sql: String, parameters: ParameterBuffer) -> Bool {
        withTypes(parameters) { types in
            PQsendPrepare(connection, name, sql, Int32(parameters.count), types) == 1
        }
    }

    /// `PQsendDescribePrepared`.
    func sendDescription(ofPrepared name: String) -> Bool { PQsendDescribePrepared(connection, name) == 1 }

    /// `PQsendQueryPrepared`, asking for binary results.
    func send(prepared name: String, parameters: ParameterBuffer) -> Bool {
        parameters.withArrays { arrays in
            PQsendQueryPrepared(connection, name, arrays.count, arrays.values, arrays.lengths, arrays.formats, 1) == 1
        }
    }

    /// `PQflush`: 0 all sent, 1 more to send, -1 failed.
    func flush() -> Int32 { PQflush(connection) }

    /// `PQconsumeInput`: reads what the socket has.
    func consumeInput() -> Bool { PQconsumeInput(connection) == 1 }

    /// `PQisBusy`: whether ``nextResult()`` would have to wait.
    var isBusy: Bool { PQisBusy(connection) == 1 }

    /// `PQgetResult`, nil at the end of the command.
    ///
    /// Only when not busy.
    func nextResult() -> ResultHandle? { PQgetResult(connection).map(ResultHandle.init) }

    /// `PQsetChunkedRowsMode` where the loaded libpq has it (17), otherwise `PQsetSingleRowMode`.
    ///
    /// Right after a send: the command's rows then come as they arrive.
    func setRowMode(chunk: Int32) -> Bool {
        guard let setChunkedRows = LoadedLibPQ.setChunkedRows else { return PQsetSingleRowMode(connection) == 1 }
        return setChunkedRows(connection, chunk) == 1
    }

    /// `PQenterPipelineMode`; between commands only.
    func enterPipeline() -> Bool { PQenterPipelineMode(connection) == 1 }

    /// `PQexitPipelineMode`; once everything was read.
    func exitPipeline() -> Bool { PQexitPipelineMode(connection) == 1 }

    /// `PQpipelineSync`: ends an implicit transaction and the skipping after an error.
    func sendSync() -> Bool { PQpipelineSync(connection) == 1 }

    /// `PQputCopyData`: 1 taken, 0 try again when the socket can be written, -1 failed.
    func putCopyData(_ bytes: UnsafeRawBufferPointer) -> Int32 {
        PQputCopyData(connection, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(clamping: bytes.count))
    }

    /// `PQputCopyEnd`: 1 taken, 0 try again when the socket can be written, -1 failed.
    func endCopy() -> Int32 { PQputCopyEnd(connection, nil) }

    /// Whether the socket has something to read, or has ended.
    func isReadable() -> Bool {
        var descriptor = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        return poll(&descriptor, 1, 0) > 0
    }

    /// One message of `PQgetCopyData`.
    enum CopyMessage {
        case data([UInt8])
        /// Nothing there yet.
        case wait
        /// The end, or an error: ``nextResult()`` tells.
        case end
    }

    /// `PQgetCopyData`, without waiting.
    func nextCopyMessage() -> CopyMessage {
        var buffer: UnsafeMutablePointer<CChar>?
        let length = PQgetCopyData(connection, &buffer, 1)
        defer { PQfreemem(buffer) }
        guard length >= 0 else { return .end }
        guard length > 0, let buffer else { return .wait }
        return .data([UInt8](UnsafeRawBufferPointer(start: buffer, count: Int(length))))
    }

    /// `PQnotifies`: the next message that was read of a channel listened to.
    func nextNotification() -> PostgresNotification? {
        guard let notification = PQnotifies(connection) else { return nil }
        defer { PQfreemem(notification) }
        return PostgresNotification(
            channel: notification.pointee.relname.map { String(cString: $0) } ?? "",
            payload: notification.pointee.extra.map { String(cString: $0) } ?? "",
            processID: notification.pointee.be_pid
        )
    }

    /// Notices received so far.
    var noticeCount: Int { notices.takeUnretainedValue().count }

    /// Whether the server is still there, as far as the socket tells; only between commands.
    ///
    /// The server's last words come before its end of the socket is closed, and may be all that is there yet.
    func isAlive() -> Bool {
        consumeInput() && !isBusy && isOK && notices.takeUnretainedValue().farewell == nil
    }

    /// Why the server ended the session, where it said so.
    ///
    /// Once the connection is broken, what libpq still holds is read without waiting.
    func lastWords() -> ServerError? {
        var remaining = isOK ? 0 : 16
        while remaining > 0, let result = nextResult() {
            if let error = result.serverError { return error }
            remaining -= 1
        }
        return notices.takeUnretainedValue().farewell
    }

    /// `PQputCopyEnd` with an error, which makes the server fail a COPY FROM STDIN that nobody feeds.
    func refuseCopy(reason: String) { PQputCopyEnd(connection, reason) }

    private func withTypes<R>(_ parameters: ParameterBuffer, _ body: (UnsafePointer<UInt32>?) -> R) -> R {
        let count = parameters.count
        guard count > 0 else { return body(nil) }
        return withUnsafeTemporaryAllocation(of: UInt32.self, capacity: count) { types in
            for (index, parameter) in parameters.parameters.enumerated() {
                types.initializeElement(at: index, to: parameter.type)
            }
            return body(UnsafePointer(types.baseAddress))
        }
    }

    private static func withCStrings<R>(_ strings: [String], _ body: ([UnsafePointer<CChar>?]) -> R) -> R {
        let copies = strings.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return body(copies.map { UnsafePointer($0) } + [nil])
    }
}

/// Where a connection's notices go.
final class NoticeSink: Sendable {
    private let logger: Logger
    private let lastFatal = Lock<ServerError?>(nil)
    private let received = Atomic<Int>(0)

    init(logger: Logger) {
        self.logger = logger
    }

    /// Why the server ended the session while nothing was asked of it.
    var farewell: ServerError? { lastFatal.withLock { $0 } }

    /// Notices so far.
    var count: Int { received.load(ordering: .relaxed) }

    func log(_ notice: ServerError) {
        received.wrappingAdd(1, ordering: .relaxed)
        if notice.severity == "FATAL" || notice.severity == "PANIC" { lastFatal.withLock { $0 = notice } }
        let level: Logger.Level = notice.severity == "WARNING" ? .warning : .debug
        logger.log(level: level, "\(notice.message)", metadata: ["sqlstate": "\(notice.sqlState)"])
    }
}

/// What the libpq that is loaded has beyond the one that was compiled against.
enum LoadedLibPQ {
    typealias SetChunkedRows = @convention(c) (OpaquePointer?, Int32) -> Int32

    /// `PQsetChunkedRowsMode`, from libpq 17 on.
    static let setChunkedRows: SetChunkedRows? = dlsym(nil, "PQsetChunkedRowsMode").map {
        unsafeBitCast($0, to: SetChunkedRows.self)
    }

    /// `PGRES_TUPLES_CHUNK`, which the headers of libpq 15 do not name.
    static let tuplesChunk = ExecStatusType(12)
}
