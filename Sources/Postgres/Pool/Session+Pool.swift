import CLibPQ

extension Session {
    /// Whether the server, not a transaction's own choice, refuses writes: a standby, or made read-only.
    ///
    /// Servers before 14 do not report it; there it is taken for true.
    var isOnReadOnlyServer: Bool {
        let reported = ["in_hot_standby", "default_transaction_read_only"].map { parameterStatus($0) }
        return reported.contains("on") || reported.allSatisfy { $0 == nil }
    }

    /// Whether the server has closed nothing and said nothing, as far as the socket tells; false while it is in use.
    ///
    /// Costs a system call, no round trip. One that is there counts as used just now, so that a connection that is lent
    /// often and used rarely is not looked at each time.
    func isStillThere() -> Bool {
        guard !isInUse, let handle, handle.isAlive() else { return false }
        noteUse()
        return true
    }

    /// Lets go what the last user may have left in the session, except for prepared statements.
    ///
    /// Returns whether the session can be used again.
    func reset() async -> Bool {
        guard !isPooled else { return true }
        let parts = [
            "CLOSE ALL", "SET SESSION AUTHORIZATION DEFAULT", "RESET ALL", "UNLISTEN *",
            "SELECT pg_catalog.pg_advisory_unlock_all()", "DISCARD TEMP", "DISCARD SEQUENCES",
        ]
        // Not by way of `script`: RESET would make the cache forget all statements, which go by the search path alone.
        let settings = configuration.sessionSettings.isEmpty ? [] : [settingsStatement(where: "true")]
        let script = (parts + settings).joined(separator: ";")
        do throws(PostgresError) {
            try await takeTurn(until: nil, .isIgnored)
            defer { endTurn() }
            let deadline = MonotonicTime.after(configuration.cancelTimeout)
            let answer = try await exchange(deadline: deadline, .isIgnored) { $0.send(script: script) }
            statements.noteReset()
            return answer.error == nil && transactionStatus == PQTRANS_IDLE
        } catch {
            return false
        }
    }

    /// Rolls back what was left open.
    ///
    /// Returns whether the session can be used again.
    func cleanUp() async -> Bool {
        guard !isClosed, !isInUse, transactionStatus == PQTRANS_INTRANS || transactionStatus == PQTRANS_INERROR else {
            return false
        }
        return await rollBack(.transaction) == nil && isIdle
    }
}

extension PostgresConnection {
    /// Whether nothing speaks against the connection: a system call, no round trip; false while it is in use.
    package var isStillThere: Bool {
        get async { await session.isStillThere() }
    }
}
