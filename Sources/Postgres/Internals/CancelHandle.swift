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
    /// `@safe`: made and freed by the handle alone.
    @safe
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
            guard let cancel = unsafe calls.create(connection) else { return nil }
            kind = unsafe .encrypted(cancel, calls)
        } else {
            guard let cancel = unsafe PQgetCancel(connection) else { return nil }
            kind = unsafe .plain(cancel)
        }
    }

    deinit {
        switch kind {
        case .encrypted(let cancel, let calls): unsafe calls.finish(cancel)
        case .plain(let cancel): unsafe PQfreeCancel(cancel)
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
            defer { unsafe calls.reset(cancel) }
            return unsafe calls.run(cancel) == 1
        case .plain(let cancel):
            return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
                unsafe PQcancel(cancel, buffer.baseAddress, Int32(buffer.count)) == 1
            }
        }
    }
}

/// The functions for encrypted cancel requests, which only libpq 17 and later have.
///
/// `@safe`: the pointers are to functions of a library that is never unloaded.
@safe
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
        let program = unsafe dlopen(nil, RTLD_NOW)
        guard let create = unsafe dlsym(program, "PQcancelCreate"), let run = unsafe dlsym(program, "PQcancelBlocking"),
            let reset = unsafe dlsym(program, "PQcancelReset"), let finish = unsafe dlsym(program, "PQcancelFinish")
        else { return nil }
        // The types are those of libpq's manual, which never changes a function that it has published.
        return unsafe EncryptedCancel(
            create: unsafeBitCast(create, to: Create.self),
            run: unsafeBitCast(run, to: Run.self),
            reset: unsafeBitCast(reset, to: Use.self),
            finish: unsafeBitCast(finish, to: Use.self)
        )
    }()
}
