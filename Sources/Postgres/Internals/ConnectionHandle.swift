import CLibPQ
import Glibc
import Logging
import Synchronization

/// Owns one `PGconn` and finishes it with `PQfinish`; one method for each libpq call.
///
/// `@unchecked Sendable`: a `PGconn` may be used by one thread at a time, and it is confined to its ``Session``.
/// `@safe`: the pointers live as long as this object does, and none leaves it.
@safe
final class ConnectionHandle: @unchecked Sendable {
    private let connection: OpaquePointer
    private let notices: Unmanaged<NoticeSink>

    /// Starts to connect; nil when there is no memory.
    ///
    /// Blocks when `parameters` hold a name to resolve.
    init?(parameters: [(String, String)], logger: Logger) {
        guard let connection = unsafe Self.start(parameters) else { return nil }
        unsafe self.connection = unsafe connection
        unsafe notices = unsafe Unmanaged.passRetained(NoticeSink(logger: logger))
        // The default receiver writes to stderr.
        unsafe PQsetNoticeReceiver(
            connection,
            { context, result in
                guard let context = unsafe context, let notice = unsafe ResultHandle.serverError(of: result) else {
                    return
                }
                unsafe Unmanaged<NoticeSink>.fromOpaque(context).takeUnretainedValue().log(notice)
            },
            unsafe notices.toOpaque()
        )
    }

    deinit {
        unsafe PQfinish(connection)
        unsafe notices.release()
    }

    /// `PQconnectStartParams`; the caller owns the connection.
    static func start(_ parameters: [(String, String)]) -> OpaquePointer? {
        unsafe withCStrings(parameters.map(\.0)) { keywords in
            unsafe withCStrings(parameters.map(\.1)) { values in
                unsafe PQconnectStartParams(keywords, values, 1)
            }
        }
    }

    /// `PQconnectPoll`.
    func connectPoll() -> PostgresPollingStatusType { unsafe PQconnectPoll(connection) }

    /// `PQsocket`; -1 when there is none.
    ///
    /// Changes between hosts while connecting.
    var socket: Int32 { unsafe PQsocket(connection) }

    /// `PQstatus`.
    var isOK: Bool { unsafe PQstatus(connection) == CONNECTION_OK }

    /// `PQerrorMessage`, without the line feed at its end.
    var errorMessage: String {
        guard let message = unsafe PQerrorMessage(connection) else { return "" }
        return unsafe String(cString: message).trimmingSuffix { $0.isNewline }
    }

    /// `PQhost` and `PQport`, for messages.
    var endpoint: String {
        let host = unsafe PQhost(connection).map { unsafe String(cString: $0) } ?? ""
        let port = unsafe PQport(connection).map { unsafe String(cString: $0) } ?? ""
        return host.hasPrefix("/") ? "\(host)/.s.PGSQL.\(port)" : "\(host):\(port)"
    }

    /// `PQconnectionNeedsPassword`: the server asked for a password and none was given.
    var needsPassword: Bool { unsafe PQconnectionNeedsPassword(connection) == 1 }

    /// `PQsetnonblocking`.
    func setNonblocking() -> Bool { unsafe PQsetnonblocking(connection, 1) == 0 }

    /// `PQbackendPID`.
    var backendProcessID: Int32 { unsafe PQbackendPID(connection) }

    /// `PQserverVersion`, for example 150020 for 15.20.
    var serverVersion: Int32 { unsafe PQserverVersion(connection) }

    /// `PQparameterStatus`: a setting that the server reports by itself.
    func parameterStatus(_ name: String) -> String? {
        unsafe PQparameterStatus(connection, name).map { unsafe String(cString: $0) }
    }

    /// `PQtransactionStatus`.
    var transactionStatus: PGTransactionStatusType { unsafe PQtransactionStatus(connection) }

    /// What is needed to cancel from another thread.
    func makeCancelHandle() -> CancelHandle? { unsafe CancelHandle(connection) }

    /// `PQsendQuery`: the simple protocol, several statements allowed, results as text.
    func send(script: String) -> Bool { unsafe PQsendQuery(connection, script) == 1 }

    /// `PQsendQueryParams`, asking for binary results.
    func send(sql: String, parameters: ParameterBuffer) -> Bool {
        unsafe withTypes(parameters) { types in
            unsafe parameters.withArrays { arrays in
                unsafe PQsendQueryParams(
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
        unsafe withTypes(parameters) { types in
            unsafe PQsendPrepare(connection, name, sql, Int32(parameters.count), types) == 1
        }
    }

    /// `PQsendDescribePrepared`.
    func sendDescription(ofPrepared name: String) -> Bool { unsafe PQsendDescribePrepared(connection, name) == 1 }

    /// `PQsendQueryPrepared`, asking for binary results.
    func send(prepared name: String, parameters: ParameterBuffer) -> Bool {
        unsafe parameters.withArrays { arrays in
            unsafe PQsendQueryPrepared(connection, name, arrays.count, arrays.values, arrays.lengths, arrays.formats, 1)
                == 1
        }
    }

    /// `PQflush`: 0 all sent, 1 more to send, -1 failed.
    func flush() -> Int32 { unsafe PQflush(connection) }

    /// `PQconsumeInput`: reads what the socket has.
    func consumeInput() -> Bool { unsafe PQconsumeInput(connection) == 1 }

    /// `PQisBusy`: whether ``nextResult()`` would have to wait.
    var isBusy: Bool { unsafe PQisBusy(connection) == 1 }

    /// `PQgetResult`, nil at the end of the command.
    ///
    /// Only when not busy.
    func nextResult() -> ResultHandle? { unsafe PQgetResult(connection).map(ResultHandle.init) }

    /// `PQsetChunkedRowsMode` where the loaded libpq has it (17), otherwise `PQsetSingleRowMode`.
    ///
    /// Right after a send: the command's rows then come as they arrive.
    func setRowMode(chunk: Int32) -> Bool {
        guard let setChunkedRows = unsafe LoadedLibPQ.setChunkedRows else {
            return unsafe PQsetSingleRowMode(connection) == 1
        }
        return unsafe setChunkedRows(connection, chunk) == 1
    }

    /// `PQenterPipelineMode`; between commands only.
    func enterPipeline() -> Bool { unsafe PQenterPipelineMode(connection) == 1 }

    /// `PQexitPipelineMode`; once everything was read.
    func exitPipeline() -> Bool { unsafe PQexitPipelineMode(connection) == 1 }

    /// `PQpipelineSync`: ends an implicit transaction and the skipping after an error.
    func sendSync() -> Bool { unsafe PQpipelineSync(connection) == 1 }

    /// `PQputCopyData`: 1 taken, 0 try again when the socket can be written, -1 failed.
    func putCopyData(_ bytes: UnsafeRawBufferPointer) -> Int32 {
        unsafe PQputCopyData(
            connection,
            bytes.baseAddress?.assumingMemoryBound(to: CChar.self),
            Int32(clamping: bytes.count)
        )
    }

    /// `PQputCopyEnd`: 1 taken, 0 try again when the socket can be written, -1 failed.
    func endCopy() -> Int32 { unsafe PQputCopyEnd(connection, nil) }

    /// Whether the socket has something to read, or has ended.
    func isReadable() -> Bool {
        var descriptor = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&descriptor, 1, 0) > 0
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
        let length = unsafe PQgetCopyData(connection, &buffer, 1)
        defer { unsafe PQfreemem(buffer) }
        guard length >= 0 else { return .end }
        guard length > 0, let buffer = unsafe buffer else { return .wait }
        return unsafe .data([UInt8](UnsafeRawBufferPointer(start: buffer, count: Int(length))))
    }

    /// `PQnotifies`: the next message that was read of a channel listened to.
    func nextNotification() -> PostgresNotification? {
        guard let notification = unsafe PQnotifies(connection) else { return nil }
        defer { unsafe PQfreemem(notification) }
        return unsafe PostgresNotification(
            channel: notification.pointee.relname.map { unsafe String(cString: $0) } ?? "",
            payload: unsafe notification.pointee.extra.map { unsafe String(cString: $0) } ?? "",
            processID: unsafe notification.pointee.be_pid
        )
    }

    /// Notices received so far.
    var noticeCount: Int { unsafe notices.takeUnretainedValue().count }

    /// See ``NoticeSink/takeUnreplicatedCommit()``.
    func takeUnreplicatedCommit() -> Bool { unsafe notices.takeUnretainedValue().takeUnreplicatedCommit() }

    /// Whether the server is still there, as far as the socket tells; only between commands.
    ///
    /// The server's last words come before its end of the socket is closed, and may be all that is there yet.
    func isAlive() -> Bool {
        unsafe consumeInput() && !isBusy && isOK && notices.takeUnretainedValue().farewell == nil
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
        return unsafe notices.takeUnretainedValue().farewell
    }

    /// `PQputCopyEnd` with an error, which makes the server fail a COPY FROM STDIN that nobody feeds.
    func refuseCopy(reason: String) { unsafe PQputCopyEnd(connection, reason) }

    private func withTypes<R>(_ parameters: ParameterBuffer, _ body: (UnsafePointer<UInt32>?) -> R) -> R {
        let count = parameters.count
        guard count > 0 else { return body(nil) }
        return unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: count) { types in
            for (index, parameter) in parameters.parameters.enumerated() {
                unsafe types.initializeElement(at: index, to: parameter.type)
            }
            return unsafe body(UnsafePointer(types.baseAddress))
        }
    }

    private static func withCStrings<R>(_ strings: [String], _ body: ([UnsafePointer<CChar>?]) -> R) -> R {
        let copies = unsafe strings.map { unsafe strdup($0) }
        defer { for index in unsafe copies.indices { unsafe free(copies[index]) } }
        return unsafe body(copies.map { unsafe UnsafePointer($0) } + [nil])
    }
}

/// Where a connection's notices go.
final class NoticeSink: Sendable {
    private let logger: Logger
    private let lastFatal = Lock<ServerError?>(nil)
    private let received = Atomic<Int>(0)
    private let sawUnreplicatedCommit = Atomic<Bool>(false)

    init(logger: Logger) {
        self.logger = logger
    }

    /// Why the server ended the session while nothing was asked of it.
    var farewell: ServerError? { lastFatal.withLock { $0 } }

    /// Notices so far.
    var count: Int { received.load(ordering: .relaxed) }

    /// Whether the server acknowledged a commit since the last call without its synchronous standby having it.
    func takeUnreplicatedCommit() -> Bool {
        sawUnreplicatedCommit.load(ordering: .relaxed) && sawUnreplicatedCommit.exchange(false, ordering: .relaxed)
    }

    func log(_ notice: ServerError) {
        received.wrappingAdd(1, ordering: .relaxed)
        // The wait was cancelled. Its SQLSTATE is that of any warning, and its text is translated.
        if notice.routine == "SyncRepWaitForLSN" { sawUnreplicatedCommit.store(true, ordering: .relaxed) }
        if notice.severity == "FATAL" || notice.severity == "PANIC" { lastFatal.withLock { $0 = notice } }
        let level: Logger.Level = notice.severity == "WARNING" ? .warning : .debug
        logger.log(level: level, "\(notice.message)", metadata: ["sqlstate": "\(notice.sqlState)"])
    }
}

/// What the libpq that is loaded has beyond the one that was compiled against.
enum LoadedLibPQ {
    typealias SetChunkedRows = @convention(c) (OpaquePointer?, Int32) -> Int32

    /// `PQsetChunkedRowsMode`, from libpq 17 on.
    static let setChunkedRows: SetChunkedRows? = unsafe dlsym(nil, "PQsetChunkedRowsMode").map {
        unsafe unsafeBitCast($0, to: SetChunkedRows.self)
    }

    /// `PGRES_TUPLES_CHUNK`, which the headers of libpq 15 do not name.
    static let tuplesChunk = ExecStatusType(12)
}
