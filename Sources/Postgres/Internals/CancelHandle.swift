import CLibPQ
import Glibc

/// Asks a server to stop a connection's statement, from any thread.
///
/// Since libpq 17 the request is encrypted as the connection is; before, it travels in the clear, and whoever reads it
/// could cancel later statements of that session (but nothing else). Which one serves is decided by the libpq that is
/// loaded, not the one that was compiled against.
///
/// `@unchecked Sendable`: libpq's manual allows both from any thread; the requests of a session come one at a time, and
/// one that is still under way when its time is up closes the session.
final class CancelHandle: @unchecked Sendable {
    private enum Kind {
        /// A `PGcancelConn`.
        case encrypted(OpaquePointer, EncryptedCancel)
        /// A `PGcancel`.
        case plain(OpaquePointer)
    }

    private let kind: Kind

    /// Nil when there is no memory.
    init?(_ connection: OpaquePointer) {
        if let calls = EncryptedCancel.loaded {
            guard let cancel = calls.create(connection) else { return nil }
            kind = .encrypted(cancel, calls)
        } else {
            guard let cancel = PQgetCancel(connection) else { return nil }
            kind = .plain(cancel)
        }
    }

    deinit {
        switch kind {
        case .encrypted(let cancel, let calls): calls.finish(cancel)
        case .plain(let cancel): PQfreeCancel(cancel)
        }
    }

    /// `PQcancelBlocking` or `PQcancel`: asks the server to stop, and returns once the server closed that connection.
    ///
    /// Blocks.
    ///
    /// When it returned, the request can no longer hit a later command.
    func request() -> Bool {
        switch kind {
        case .encrypted(let cancel, let calls):
            defer { calls.reset(cancel) }
            return calls.run(cancel) == 1
        case .plain(let cancel):
            return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
                PQcancel(cancel, buffer.baseAddress, Int32(buffer.count)) == 1
            }
        }
    }
}

/// The functions for encrypted cancel requests, which only libpq 17 and later have.
private struct EncryptedCancel: Sendable {
    typealias Create = @convention(c) (OpaquePointer) -> OpaquePointer?
    typealias Run = @convention(c) (OpaquePointer) -> Int32
    typealias Use = @convention(c) (OpaquePointer) -> Void

    /// `PQcancelCreate`.
    let create: Create
    /// `PQcancelBlocking`.
    let run: Run
    /// `PQcancelReset`, after which it can be sent again.
    let reset: Use
    /// `PQcancelFinish`.
    let finish: Use

    /// Nil with an older libpq.
    static let loaded: EncryptedCancel? = {
        let program = dlopen(nil, RTLD_NOW)
        guard let create = dlsym(program, "PQcancelCreate"), let run = dlsym(program, "PQcancelBlocking"),
            let reset = dlsym(program, "PQcancelReset"), let finish = dlsym(program, "PQcancelFinish")
        else { return nil }
        // The types are those of libpq's manual, which never changes a function that it has published.
        return EncryptedCancel(
            create: unsafeBitCast(create, to: Create.self),
            run: unsafeBitCast(run, to: Run.self),
            reset: unsafeBitCast(reset, to: Use.self),
            finish: unsafeBitCast(finish, to: Use.self)
        )
    }()
}
