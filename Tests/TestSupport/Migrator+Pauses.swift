public import SchemaMigrations

/// A run went on although it was told to stop.
public struct RunWasNotPaused: Error {}

extension Migrator {
    /// Applies what is pending up to a step and stops right behind it.
    ///
    /// - Throws: what ``up(to:phase:report:)`` throws, and ``RunWasNotPaused``.
    public func up(
        to target: MigrationTarget = .latest,
        pausingAfter wanted: String,
        of version: MigrationVersion
    ) async throws {
        // A task of its own: cancelling it must not cancel the test.
        let run = Task {
            try await up(to: target) { event in
                guard case .stepFinished(let step, _, _, _, _) = event, step.version == version, step.step == wanted
                else {
                    return
                }
                withUnsafeCurrentTask { $0?.cancel() }
            }
        }
        do {
            _ = try await run.value
        } catch let error as MigrationError where error.code == .interrupted {
            return
        }
        throw RunWasNotPaused()
    }
}
