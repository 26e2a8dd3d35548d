import CLibPQ
import Glibc
import Logging
import Synchronization

/// Owns one `PGconn` and finishes it with `PQfinish`; one method for each libpq call.
///
/// `@unchecked Sendable`: a `PGconn` may be used by one thread at a time. It is confined to its ``Session``, which gives
/// it away only while it awaits a helper thread (connecting with a name to resolve) and touches it again after that.
final class ConnectionHandle: @unchecked Sendable {
    private let connection: OpaquePointer
    private let notices: Unmanaged<NoticeSink>

    /// Starts to connect.
    ///
    /// The corresponding libpq function is `PQconnectStartParams`.
    ///
    /// Resolves host names and therefore may block when `parameters` hold any.
    init?(parameters: [(String, String)], logger: Logger) {
        let connection = Self.withCStrings(parameters.map(\.0)) { keywords in
            Self.withCStrings(parameters.map(\.1)) { values in
                PQconnectStartParams(keywords, values, 1)
            }
        }
        guard let connection else { return nil }
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

    /// `PQgetCancel`: what is needed to cancel from another thread.
    func makeCancelHandle() -> CancelHandle? { PQgetCancel(connection).map(CancelHandle.init) }

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

/// Owns a `PGcancel` and frees it with `PQfreeCancel`.
///
/// `@unchecked Sendable`: libpq's manual allows `PQcancel` from any thread; the object is not changed after its creation.
final class CancelHandle: @unchecked Sendable {
    private let cancel: OpaquePointer

    init(_ cancel: OpaquePointer) {
        self.cancel = cancel
    }

    deinit {
        PQfreeCancel(cancel)
    }

    /// `PQcancel`: asks the server to stop, and returns once the server closed that connection.
    ///
    /// Blocks.
    ///
    /// When it returned, the request can no longer hit a later command.
    func request() -> Bool {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            PQcancel(cancel, buffer.baseAddress, Int32(buffer.count)) == 1
        }
    }
}

/// Where a connection's notices go.
final class NoticeSink: Sendable {
    private let logger: Logger
    private let lastFatal = Mutex<ServerError?>(nil)

    init(logger: Logger) {
        self.logger = logger
    }

    /// Why the server ended the session while nothing was asked of it.
    var farewell: ServerError? { lastFatal.withLock { $0 } }

    func log(_ notice: ServerError) {
        if notice.severity == "FATAL" || notice.severity == "PANIC" { lastFatal.withLock { $0 = notice } }
        let level: Logger.Level = notice.severity == "WARNING" ? .warning : .debug
        logger.log(level: level, "\(notice.message)", metadata: ["sqlstate": "\(notice.sqlState)"])
    }
}
