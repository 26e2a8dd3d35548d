import Logging

extension PostgresPool {
    /// Lends a session, waiting for it when need be.
    @inline(__always)
    func acquire(_ site: CallSite) async throws(PostgresError) -> PoolLease {
        let request = PoolRequest(callSite: site, time: leaseTime(), outer: PoolLease.current.lease)
        if let outer = request.outer { warnIfNested(in: outer, site) }
        let (lease, idle) = takeAtOnce(request)
        guard let lease else { return try await acquire(request, idle) }
        return lease
    }

    /// The time of a lending or a return: exact for metrics, which tell how long between them.
    ///
    /// All else goes by periods of many ticks, and the exact clock takes five times as long to read.
    private func leaseTime() -> MonotonicTime { metrics == nil ? .lastTick() : .now() }

    /// What most checkouts are: a session that was used or looked at just now is lent without a hop, under one lock.
    ///
    /// One that was idle for longer is still to be looked at.
    private func takeAtOnce(_ request: PoolRequest) -> (PoolLease?, PoolState<Session>.Member?) {
        var effects = PoolState<Session>.Effects()
        let (lease, idle) = books.withLock { books in
            let idle = books.state.takeIdle(now: request.time, &effects)
            guard let idle, idle.session.wasThereJustNow(request.time) else { return (nil as PoolLease?, idle) }
            let lease = PoolLease(idle, of: self, request, start: request.time)
            books.leases.insert(lease)
            return (lease, nil)
        }
        perform(effects)
        if lease != nil { noteLent(waited: 0) }
        return (lease, idle)
    }

    /// Goes on with a session that was idle, or waits.
    private func acquire(
        _ request: PoolRequest,
        _ idle: PoolState<Session>.Member?
    ) async throws(PostgresError) -> PoolLease {
        var next = idle.map { .member($0) } ?? take(request.time)
        var deadline: MonotonicTime?
        var wasServed = false
        while true {
            let grant: PoolState<Session>.Grant
            if let next {
                grant = next
            } else {
                deadline = deadline ?? MonotonicTime.after(options.acquireTimeout)
                grant = await wait(until: deadline, first: wasServed)
            }
            switch grant {
            case .member(let member):
                if await isReady(member.session) { return lend(member, request) }
                // Broken while it was idle; the next one may be good.
                await member.session.close()
                putBack(member, isUsable: false)
                wasServed = true
                next = take(request.time)
            case .refused(let error):
                throw error
            }
        }
    }

    private func take(_ now: MonotonicTime) -> PoolState<Session>.Grant? {
        let (grant, effects) = books.withLock { $0.state.take(now: now) }
        perform(effects)
        return grant
    }

    /// Whether a session can be lent, as far as its socket tells.
    private func isReady(_ session: Session) async -> Bool {
        if session.wasThereJustNow(.now()) { return true }
        return session.isIdle ? await session.isStillThere() : false
    }

    private func lend(_ member: PoolState<Session>.Member, _ request: PoolRequest) -> PoolLease {
        let now = leaseTime()
        let lease = PoolLease(member, of: self, request, start: now)
        books.withLock { $0.leases.insert(lease) }
        noteLent(waited: now.nanoseconds &- request.time.nanoseconds)
        return lease
    }

    private func noteLent(waited nanoseconds: UInt64) {
        guard let metrics else { return }
        metrics.waited(nanoseconds)
        showCounts()
    }

    /// Ends a lease.
    @inline(__always)
    func giveBack(_ lease: PoolLease, from connection: PostgresConnection?) async {
        connection?.markReturned()
        lease.end()
        guard lease.session.isIdle, !lease.sawTrouble, case .none = options.reset else {
            return await giveBackWithCare(lease)
        }
        putBack(lease, isUsable: true)
    }

    /// Cleans up after a lease, and judges whether its session can be lent again.
    ///
    /// Cleaning up runs in a task of its own, which does not inherit a cancellation.
    private func giveBackWithCare(_ lease: PoolLease) async {
        let session = lease.session
        var isUsable = session.isIdle
        if !isUsable {
            configuration.logger.warning(
                "a connection came back in an open transaction or broken; it was cleaned up",
                metadata: ["lentAt": "\(lease.callSite)"]
            )
            isUsable = await Task { await session.cleanUp() }.value
        }
        if lease.saw.readOnlyServer, await session.isOnReadOnlyServer {
            isUsable = false
            expireConnections(because: "the server takes no writes")
        } else if lease.saw.lostServer {
            expireConnections(because: "the server ended a connection or was lost")
        }
        if isUsable { isUsable = await reset(session) }
        // Before its place is free: there are never more connections than allowed, as the server counts them.
        if !isUsable { await session.close() }
        putBack(lease, isUsable: isUsable)
    }

    /// Makes the session ready for the next caller; returns whether it is.
    ///
    /// In a task of its own, which does not inherit a cancellation.
    private func reset(_ session: Session) async -> Bool {
        switch options.reset {
        case .none: return true
        case .standard: return await Task { await session.reset() }.value
        case .custom(let hook):
            let connection = PostgresConnection(session, observer: observer)
            return await Task {
                defer { connection.markReturned() }
                do throws(PostgresError) {
                    try await hook(connection)
                    return session.isIdle
                } catch {
                    configuration.logger.warning(
                        "a connection could not be reset; it was closed",
                        metadata: ["error": "\(error)"]
                    )
                    return false
                }
            }.value
        }
    }

    private func putBack(_ lease: PoolLease, isUsable: Bool) {
        let now = leaseTime()
        let held = now.nanoseconds &- lease.start.nanoseconds
        metrics?.used(held)
        if held >= slowLease { reportSlow(lease) }
        putBack(lease.member, isUsable: isUsable, of: lease, now)
    }

    /// Puts a session among the idle ones again, or its place at somebody's disposal; the end of a lease if there is one.
    private func putBack(
        _ member: PoolState<Session>.Member,
        isUsable: Bool,
        of lease: PoolLease? = nil,
        _ now: MonotonicTime = .now()
    ) {
        let (effects, drains) = books.withLock { books in
            if let lease { books.leases.remove(lease) }
            let effects = books.state.giveBack(member, isUsable: isUsable, now: now)
            return (effects, books.takeDrainsIfDone())
        }
        for drain in drains { drain.resume() }
        perform(effects)
        if metrics != nil { showCounts() }
    }

    /// Names a holder that keeps its connection for long, once.
    func reportSlow(_ lease: PoolLease) {
        guard lease.report() else { return }
        let held = Duration.nanoseconds(
            Int64(clamping: MonotonicTime.now().nanoseconds &- lease.start.nanoseconds)
        )
        configuration.logger.warning(
            "a connection is held for long",
            metadata: ["lentAt": "\(lease.callSite)", "heldFor": "\(held)"]
        )
    }

    /// Lends none of the present connections again: idle ones are closed at once, those lent when they come back.
    ///
    /// For what they were opened with has changed: an address, a password, a role's settings. Callers are served by new
    /// connections; nobody is interrupted.
    public func expireConnections() {
        configuration.logger.notice("connections are replaced", metadata: ["reason": "the program asked for it"])
        perform(books.withLock { $0.state.expireGeneration() })
        showCounts()
    }

    /// Lends no present connection again.
    ///
    /// At most once a second: a program that keeps writing to a read-only server would open connections without end.
    func expireConnections(because reason: String) {
        let now = MonotonicTime.now()
        let effects = books.withLock { books -> PoolState<Session>.Effects? in
            if let last = books.lastExpiry, now.nanoseconds &- last.nanoseconds < 1_000_000_000 { return nil }
            books.lastExpiry = now
            return books.state.expireGeneration()
        }
        guard let effects else { return }
        configuration.logger.notice("connections are replaced", metadata: ["reason": "\(reason)"])
        perform(effects)
    }

    /// Asking for a connection while holding one: enough such callers wait for each other.
    private func warnIfNested(in outer: PoolLease, _ site: CallSite) {
        guard let held = outer.held(of: self) else { return }
        guard books.withLock({ $0.warned.insert(site).inserted }) else { return }
        configuration.logger.warning(
            "a second connection is asked for while one is held, which can leave all callers waiting for each other",
            metadata: ["askedAt": "\(site)", "heldSince": "\(held.callSite)"]
        )
    }

    /// Does what a transition left to do, which nearly always is nothing.
    @inline(__always)
    func perform(_ effects: PoolState<Session>.Effects) {
        if !effects.isNothing { performAll(effects) }
    }

    private func performAll(_ effects: PoolState<Session>.Effects) {
        for (waiter, grant) in effects.grants { waiter.resume(grant) }
        for session in effects.closing { Task { await retire(session) } }
        for _ in 0..<effects.connects { startConnect() }
    }

    /// Closes a session that nobody has, after the hook had its look at one in good order.
    func retire(_ session: Session) async {
        if let hook = options.beforeClosing, session.isIdle {
            let connection = PostgresConnection(session, observer: observer)
            await hook(connection)
            connection.markReturned()
        }
        await session.close()
    }

    func showCounts() {
        guard let metrics else { return }
        let (idle, used, waiting) = books.withLock { ($0.state.idle.count, $0.state.lent, $0.state.waiters.count) }
        metrics.show(idle: idle, used: used, waiting: waiting)
    }
}

extension PoolBooks {
    /// Those who wait for the last connection to come back, when it did.
    mutating func takeDrainsIfDone() -> [CheckedContinuation<Void, Never>] {
        guard state.lent == 0, !drains.isEmpty else { return [] }
        defer { drains = [] }
        return drains
    }
}
