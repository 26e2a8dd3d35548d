import Logging

extension PostgresPool {
    /// Waits in the queue; the answer is given exactly once.
    func wait(until deadline: MonotonicTime?, first: Bool) async -> PoolState<Session>.Grant {
        let id = books.withLock { $0.state.nextID() }
        defer { showCounts() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                enqueue(.init(id: id, deadline: deadline) { continuation.resume(returning: $0) }, first: first)
                // Cancelled before it was queued: the handler has run and found nobody.
                if Task.isCancelled { refuseCancelled(id) }
            }
        } onCancel: {
            refuseCancelled(id)
        }
    }

    private func enqueue(_ waiter: PoolState<Session>.Waiter, first: Bool) {
        let now = MonotonicTime.now()
        let (effects, mustWatch) = books.withLock { $0.state.enqueue(waiter, first: first, now: now) }
        perform(effects)
        showCounts()
        if mustWatch { Task { [weak self] in await self?.watchDeadlines() } }
    }

    private func watchDeadlines() async {
        while let deadline = books.withLock({ $0.state.nextDeadline() }) {
            // Not to the end at once: one that comes first again has an earlier deadline.
            try? await Task.sleep(for: min(deadline.remaining(), .seconds(1)) + .milliseconds(1))
            let now = MonotonicTime.now()
            let (expired, error) = books.withLock { ($0.state.takeExpired(now: now), timeoutError($0, now)) }
            metrics?.timedOut(expired.count)
            for waiter in expired { waiter.resume(.refused(error)) }
        }
    }

    private func timeoutError(_ books: borrowing PoolBooks, _ now: MonotonicTime) -> PostgresError {
        if let failure = books.state.lastFailure {
            return PostgresError(
                .connectionFailed,
                "no connection could be made within \(options.acquireTimeout): \(failure.message)",
                server: failure.server,
                nothingWasSent: true
            )
        }
        var message =
            "no connection became free within \(options.acquireTimeout): \(books.state.lent) of "
            + "\(books.state.limits.maximum) in use, \(books.state.waiters.count) more waiting"
        if books.state.opening > 0 { message += ", \(books.state.opening) being opened" }
        let holders = books.longestHolders().map { lease in
            "\(lease.callSite) for \(Duration.nanoseconds(Int64(clamping: now.nanoseconds &- lease.start.nanoseconds)))"
        }
        if !holders.isEmpty { message += "; held longest by \(holders.joined(separator: ", "))" }
        return PostgresError(.poolTimeout, message, nothingWasSent: true)
    }

    private func refuseCancelled(_ id: UInt64) {
        let waiter = books.withLock { $0.state.removeWaiter(id) }
        waiter?.resume(
            .refused(
                PostgresError(.cancelled, "the task was cancelled while waiting for a connection", nothingWasSent: true)
            )
        )
    }
}
