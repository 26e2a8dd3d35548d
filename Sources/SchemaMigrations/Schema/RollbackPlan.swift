/// Which migrations the way back to a version takes back, and how.
public struct RollbackPlan: Sendable, Equatable {
    /// The migrations with their `down.sql`, newest first; also one that is applied in part.
    public let migrations: [Migration]
    /// The newest version that stays; nil when nothing does.
    public let target: MigrationVersion?

    /// Decides from values alone; a target of 0, where no migration has it, means before the first.
    ///
    /// - Returns: The plan, empty when nothing newer is applied.
    /// - Throws: ``MigrationError`` where files and history disagree, for a target that no file has or that is not
    ///   applied, and for each `down.sql` that is missing or cannot run in a transaction: before anything changes.
    static func make(
        source: MigrationSource,
        history: MigrationHistory,
        target: MigrationVersion,
        allowsOutOfOrder: Bool
    ) throws(MigrationError) -> RollbackPlan {
        let target = source.meant(target)
        let plan = try MigrationPlan.make(
            source: source,
            history: history,
            allowsOutOfOrder: allowsOutOfOrder
        )
        if let error = plan.blockingError { throw error }
        let recorded = Set(history.records.map(\.version))
        let isBeginning = target.number == 0 && source[target] == nil
        if !isBeginning {
            guard source[target] != nil else { throw MigrationError.unknown(target, in: source) }
            guard recorded.contains(target) else {
                throw MigrationError(
                    .notApplied,
                    "version \(target) is not applied, so there is no way back to it",
                    hint: "look at what is with \"migrate status\"",
                    exitCode: .usage
                )
            }
        }
        let newer = source.migrations.filter { $0.version > target || isBeginning }
        let migrations = Array(newer.filter { recorded.contains($0.version) }.reversed())
        try check(migrations)
        return RollbackPlan(migrations: migrations, target: isBeginning ? nil : source[target]?.version)
    }

    private static func check(_ migrations: [Migration]) throws(MigrationError) {
        var errors: [MigrationError] = []
        for migration in migrations {
            do throws(MigrationError) {
                guard let down = migration.down else {
                    throw MigrationError(
                        .noWayBack,
                        "the migration has no down.sql",
                        at: SourceLocation(file: migration.path),
                        hint: "write one, or take its changes back with a new migration; nothing was changed"
                    )
                }
                try down.inspectAsTransaction()
            } catch {
                errors.append(error)
            }
        }
        if let error = MigrationError.combining(errors) { throw error }
    }
}

extension MigrationError.Code {
    /// The version to go back to is not applied.
    public static let notApplied = Self(rawValue: "not_applied")
    /// A migration has no `down.sql`.
    public static let noWayBack = Self(rawValue: "no_way_back")
    /// A `down.sql` does not lead to the schema that was recorded.
    public static let wrongWayBack = Self(rawValue: "wrong_way_back")
}
