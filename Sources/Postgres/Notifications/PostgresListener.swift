import Logging

/// What other sessions tell on channels, with `NOTIFY` or `pg_notify`, over a connection of its own.
///
/// ```swift
/// for try await event in PostgresListener(to: configuration, channels: ["vmm_changed"]) {
///     switch event {
///     case .listening, .mayHaveMissed: try await readEverything()
///     case .notification(let notification): try await read(notification.payload)
///     }
/// }
/// ```
/// The sequence connects when its first element is asked for, and ends when the task is cancelled. A connection that
/// breaks is made anew, with growing pauses of random length; what was sent meanwhile is lost, and an element says so.
/// Between elements nothing is read: a reader that stays away for long keeps the server from forgetting what it sent.
public struct PostgresListener: AsyncSequence, Sendable {
    /// What a listener hears.
    public enum Event: Sendable, Hashable {
        /// The channels are listened to from here on: state that is read now misses nothing that follows.
        case listening
        /// A message.
        case notification(PostgresNotification)
        /// The connection was lost and the channels are listened to again: messages in between did not arrive, and state
        /// that they told of is to be read anew.
        case mayHaveMissed
    }

    /// An event.
    public typealias Element = Event
    /// Every failure is one of this module.
    public typealias Failure = PostgresError

    let configuration: PostgresConfiguration
    let channels: [String]
    let heartbeat: Duration

    /// Makes a listener; it connects when it is read.
    ///
    /// - Parameters:
    ///   - configuration: How to reach the server: directly, or through a pooler in session mode.
    ///   - channels: The channels' names, not quoted.
    ///   - heartbeat: How long the connection may be silent before it is asked whether it still listens.
    public init(to configuration: PostgresConfiguration, channels: [String], heartbeat: Duration = .seconds(30)) {
        self.configuration = configuration
        self.channels = channels
        self.heartbeat = heartbeat
    }

    /// Begins to listen; each iterator has a connection of its own.
    public func makeAsyncIterator() -> Iterator { Iterator(self) }

    /// Reads event after event.
    public struct Iterator: AsyncIteratorProtocol {
        private let listener: PostgresListener
        private var session: Session?
        private var hasListened = false
        private var attempt = 0

        init(_ listener: PostgresListener) {
            self.listener = listener
        }

        /// The next event, or nil once the task is cancelled.
        ///
        /// - Throws: ``PostgresError`` when the first connection cannot be made or `LISTEN` is refused there; later
        ///   failures are logged and overcome.
        public mutating func next() async throws(PostgresError) -> Event? {
            try await next(isolation: #isolation)
        }

        /// The next event, or nil once the task is cancelled.
        ///
        /// - Throws: as ``next()``.
        public mutating func next(isolation: isolated (any Actor)?) async throws(PostgresError) -> Event? {
            while !Task.isCancelled {
                do throws(PostgresError) {
                    guard let session else { return try await connect() }
                    return .notification(try await session.nextNotification(listener))
                } catch {
                    session = nil
                    guard !Task.isCancelled else { break }
                    guard hasListened else { throw error }
                    listener.log(error)
                    await pause()
                }
            }
            await session?.close()
            session = nil
            return nil
        }

        private mutating func connect() async throws(PostgresError) -> Event {
            let session = try await Session.open(listener.configuration)
            let names = listener.channels.map { "LISTEN " + PostgresQuery.quote(identifier: $0) }
            do throws(PostgresError) {
                _ = try await session.script(
                    names.joined(separator: "; "),
                    timeout: listener.configuration.connectTimeout
                )
            } catch {
                await session.close()
                throw error
            }
            self.session = session
            attempt = 0
            defer { hasListened = true }
            return hasListened ? .mayHaveMissed : .listening
        }

        /// Between two attempts: of random length, so that many listeners do not come back at once.
        private mutating func pause() async {
            let ceiling = Swift.min(30_000, 100 << Swift.min(attempt, 10))
            attempt += 1
            // Cancelled, it returns at once, and the loop ends.
            try? await Task.sleep(for: .milliseconds(Int.random(in: 0...ceiling)))
        }
    }

    fileprivate func log(_ error: PostgresError) {
        configuration.logger.warning("a listener lost its connection", metadata: ["error": "\(error)"])
    }
}

extension Session {
    /// Waits for the next message of a channel; a session that was silent for long is asked whether it still listens.
    fileprivate func nextNotification(_ listener: PostgresListener) async throws(PostgresError) -> PostgresNotification
    {
        while true {
            guard let handle, let watch else { throw closedError() }
            // `isBusy` parses what was read; between commands the server sends nothing that would keep it busy.
            guard handle.isAlive() else { throw lost(handle) }
            if let notification = handle.nextNotification() { return notification }
            let wake = await withTaskCancellationHandler {
                await watch.wait(for: .read, until: MonotonicTime.after(listener.heartbeat), isolation: self)
            } onCancel: {
                watch.interrupt()
            }
            watch.clearInterruption()
            switch wake {
            case .ready: continue
            case .failed: throw lost(handle)
            case .interrupted: throw Stop.cancelled.errorBeforeSending
            case .deadline: try await checkListening(to: listener.channels)
            }
        }
    }

    private func checkListening(to channels: [String]) async throws(PostgresError) {
        let query: PostgresQuery =
            "SELECT count(*) FROM pg_catalog.pg_listening_channels() c WHERE c = ANY(\(channels))"
        let count = try await self.query(query, timeout: configuration.cancelTimeout).one().decode(at: 0, as: Int.self)
        guard count == Set(channels).count else {
            close("the session does not listen any more; the connection was closed")
            throw closedError()
        }
    }
}
