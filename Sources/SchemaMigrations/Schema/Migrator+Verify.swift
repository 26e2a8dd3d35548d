import Postgres

extension Migrator {
    /// Asks whether the database is still as its migrations promise: runs the `verify.sql` of every applied migration,
    /// compares the files' checksums with the history, and the live schema with the fingerprint in it.
    ///
    /// Every question is asked in a read-only transaction, by a role that may only read if that suffices for the
    /// scripts.
    ///
    /// ```swift
    /// let verification = try await migrator.verify()
    /// guard verification.exitCode == .done else { … }
    /// ```
    ///
    /// - Returns: What was found. A verification that fails is a result, not an error.
    /// - Throws: ``MigrationError`` when the database cannot be asked at all.
    public func verify() async throws -> Verification {
        try await onConnection { connection in
            let history = try await store.readAlone(connection)
            let comparison = HistoryComparison(
                source: source,
                history: history,
                allowsOutOfOrder: options.allowsOutOfOrder
            )
            var checks: [Verification.Check] = []
            for entry in comparison.entries where entry.isComplete {
                guard let migration = entry.migration else { continue }
                let outcome = try await VerifyScript(migration: migration).run(on: connection)
                checks.append(Verification.Check(migration: migration, outcome: outcome))
            }
            return Verification(
                checks: checks,
                findings: comparison.findings,
                schema: try await checkSchema(comparison, connection)
            )
        }
    }

    private func checkSchema(
        _ comparison: HistoryComparison,
        _ connection: PostgresConnection
    ) async throws -> Verification.SchemaCheck {
        guard let version = comparison.current else { return .nothingApplied }
        if let partial = comparison.entries.first(where: { $0.state == .partial }) {
            return .betweenVersions(partial.version)
        }
        guard let recorded = try await store.fingerprints(connection)[version] else { return .notRecorded(version) }
        let live = try await SchemaReader(bookkeepingSchema: store.schema).fingerprint(connection)
        guard recorded.isComparable(with: live) else {
            return .incomparable(recorded: recorded, live: live, since: version)
        }
        return recorded == live
            ? .unchanged(live, since: version) : .changed(recorded: recorded, live: live, since: version)
    }
}

extension HistoryComparison.Entry {
    /// Whether all its steps are applied, with whatever text.
    var isComplete: Bool {
        switch state {
        case .applied, .missing, .changed: !steps.contains { $0.isOpen }
        case .pending, .partial, .outOfOrder: false
        }
    }
}

extension HistoryComparison.StepEntry {
    fileprivate var isOpen: Bool {
        switch state {
        case .pending, .intent: true
        case .applied, .changed, .missing: false
        }
    }
}

/// One migration's `verify.sql`.
private struct VerifyScript {
    let migration: Migration

    func run(on connection: PostgresConnection) async throws -> Verification.Check.Outcome {
        guard let file = migration.verify else { return .noScript }
        do throws(MigrationError) {
            // A COMMIT in the file would end the read-only transaction.
            try file.inspectAsTransaction()
        } catch {
            return .failed(error)
        }
        let outcome = try await run(file, connection)
        // What the file sets for its session must not reach the next.
        try await connection.execute(script: HistoryStore.resetSession)
        return outcome
    }

    private func run(_ file: SQLFile, _ connection: PostgresConnection) async throws -> Verification.Check.Outcome {
        do {
            try await connection.withTransaction(.readOnly) { connection in
                try await connection.execute(script: "SET LOCAL lock_timeout = '5s'")
                try await connection.execute(script: file.text)
            }
            return .passed
        } catch let error as PostgresError where error.code == .server {
            let state = error.sqlState
            let isUnanswered = state == .insufficientPrivilege || state == .lockNotAvailable || state == .queryCanceled
            let described = MigrationError(
                sqlFailure: error,
                in: file,
                position: error.server?.position,
                hint: isUnanswered ? "ask as a role that may read what the file reads, when nobody locks it" : nil
            )
            return isUnanswered ? .notRun(described) : .failed(described)
        }
    }
}

extension SQLFile {
    /// Checks that the file can run inside a transaction that somebody else begins and ends.
    ///
    /// - Throws: ``MigrationError`` with the place.
    func inspectAsTransaction() throws(MigrationError) {
        let step = MigrationStep(ordinal: 1, name: "script", kind: .transaction, options: StepOptions(), file: self)
        _ = try step.inspect()
    }
}
