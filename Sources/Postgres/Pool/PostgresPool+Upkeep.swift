import Logging
public import ServiceLifecycle

/// A service of swift-service-lifecycle: its graceful shutdown waits for connections that are lent.
extension PostgresPool: Service {
    /// Keeps the pool in order until its task is cancelled, a graceful shutdown begins or ``shutDown()`` is called.
    ///
    /// Opens the minimum of connections, closes those that are too old or unused for too long, and names those who hold
    /// one for long. At its end it shuts the pool down as ``shutDown(waitingUpTo:)`` does, with the options'
    /// `shutdownTimeout`. A pool works without it, see ``PostgresPool``.
    ///
    /// ```swift
    /// let group = ServiceGroup(services: [pool, server], gracefulShutdownSignals: [.sigterm], logger: logger)
    /// try await group.run()
    /// ```
    public func run() async {
        await cancelWhenGracefulShutdown { await self.keepUp() }
        await shutDown(waitingUpTo: options.shutdownTimeout)
    }

    /// Refuses new callers, closes idle connections at once and those lent when they come back.
    ///
    /// Does not wait for them; see ``shutDown(waitingUpTo:)``. Calling it again is no error.
    public func shutDown() async {
        let (effects, drains) = books.withLock { books in
            (books.state.close(), books.takeDrainsIfDone())
        }
        for task in connects.withLock({ Array($0.values) }) { task.cancel() }
        for drain in drains { drain.resume() }
        for (waiter, grant) in effects.grants { waiter.resume(grant) }
        for session in effects.closing { await retire(session) }
        showCounts()
    }

    /// Shuts down and waits until the connections that are lent have come back.
    ///
    /// Those that have not within `timeout` are closed under their holders' hands: the server rolls back what was open,
    /// and the holders are named in a warning. Cancelling the task does not shorten the wait.
    public func shutDown(waitingUpTo timeout: Duration) async {
        await shutDown()
        let timer = Task {
            try await Task.sleep(for: timeout)
            let drains = books.withLock { books in
                defer { books.drains = [] }
                return books.drains
            }
            for drain in drains { drain.resume() }
        }
        await withCheckedContinuation { continuation in
            let isDone = books.withLock { books in
                if books.state.lent > 0 { books.drains.append(continuation) }
                return books.state.lent == 0
            }
            if isDone { continuation.resume() }
        }
        timer.cancel()
        await closeLent()
    }

    private func closeLent() async {
        for lease in books.withLock({ $0.leases.all }) {
            configuration.logger.warning(
                "a connection was still held at the end of the shutdown; it was closed",
                metadata: ["lentAt": "\(lease.callSite)"]
            )
            await lease.session.close("the pool was shut down")
        }
    }

    private func keepUp() async {
        while !Task.isCancelled {
            let now = MonotonicTime.now()
            let (effects, leases, isClosed) = books.withLock { books in
                (books.state.upkeep(now: now), books.longestHolders(.max), books.state.isClosed)
            }
            if isClosed { return }
            perform(effects)
            showCounts()
            for lease in leases where now.nanoseconds &- lease.start.nanoseconds >= slowLease { reportSlow(lease) }
            try? await Task.sleep(for: upkeepInterval)
        }
    }

    /// Often enough for the shortest of the periods, and for noticing a shutdown.
    private var upkeepInterval: Duration {
        let shortest = min(options.idleTimeout, options.maximumLifetime ?? .seconds(3600), options.slowLeaseThreshold)
        return max(.milliseconds(10), min(shortest / 4, .seconds(1)))
    }
}
