import Postgres

/// Files and history, and other runners.
extension Examination {
    func migrations(_ plan: Result<MigrationPlan, MigrationError>) -> [Finding] {
        switch plan {
        case .failure(let error):
            var finding = Finding(.migrations, .problem, error.message, hint: error.hint)
            finding.exitCode = error.exitCode
            return [finding]
        case .success(let plan):
            var findings = plan.findings.map { difference in
                let severity: Diagnosis.Severity = difference.isBlocking ? .problem : .note
                var finding = Finding(.migrations, severity, difference.message, hint: difference.hint)
                finding.exitCode = difference.exitCode ?? .needsHuman
                return finding
            }
            findings += plan.pending.compactMap(Self.unfinished)
            findings += plan.pending.compactMap(Self.unreadable)
            let pending = plan.pending.count
            let message = "\(pending) step\(pending == 1 ? "" : "s") pending, contract migrations included"
            return findings.contains { $0.severity == .problem }
                ? findings : [Finding(.migrations, .ok, message)] + findings
        }
    }

    private static func unfinished(_ step: PlannedStep) -> Finding? {
        let what: String
        switch step.beginning {
        case .fresh: return nil
        case .settle: what = "was begun and may have happened; the next run finds out from the catalog"
        case .resumeBackfill: what = "was begun; the next run goes on behind its last batch"
        case .restartBackfill: what = "was begun with another text; the next run begins at the first page"
        }
        return Finding(.migrations, .note, "\(step.label) \(what)")
    }

    private static func unreadable(_ step: PlannedStep) -> Finding? {
        do throws(MigrationError) {
            _ = try step.step.inspect()
            return nil
        } catch {
            var finding = Finding(.migrations, .problem, "\(step.step.file.path): \(error.message)", hint: error.hint)
            finding.exitCode = error.exitCode
            return finding
        }
    }

    func runner() async throws -> [Finding] {
        let (holder, request) = try await inTransaction { connection in
            guard try await store.exists(connection) else { return (RunnerActivity?.none, RunRequest()) }
            return (try await store.presentRunner(connection), try await store.request(connection))
        }
        var findings: [Finding] = []
        if let holder {
            let process = holder.processID.map { ", server process \($0)" } ?? ""
            let activity = holder.activity.map { ", at \($0)" } ?? ""
            let message = "another runner holds the lock: \(holder.holder)\(process)\(activity)"
            findings.append(Finding(.runner, .warning, message, hint: "a run waits for it while it makes progress"))
        }
        if let since = request.pausedAt {
            let message = "runs are paused by \(request.pausedBy ?? "somebody") since \(since)"
            var finding = Finding(.runner, .problem, message, hint: "allow them again: migrate resume")
            finding.exitCode = .paused
            findings.append(finding)
        }
        return Self.or(.runner, findings, ok: "nobody else is migrating")
    }
}
