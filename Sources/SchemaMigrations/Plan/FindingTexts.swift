/// What each finding says, in one place, so that they read alike.
extension MigrationFinding {
    static func edited(_ step: MigrationStep, of migration: Migration, _ record: HistoryRecord) -> MigrationFinding {
        MigrationFinding(
            kind: .edited,
            version: record.version,
            step: step.name,
            file: step.file.path,
            message: "\(step.file.path) was edited after it was applied: it was \(record.checksum), "
                + "it is \(step.file.checksum)",
            hint: "bring back the file as it was applied, and put the change into a new migration; "
                + "or, if it asks for nothing else than before, record its text of now: "
                + "\"migrate repair --at \(migration.version)\""
        )
    }

    static func editedIntent(_ step: MigrationStep, _ record: HistoryRecord) -> MigrationFinding {
        MigrationFinding(
            kind: .editedIntent,
            version: record.version,
            step: step.name,
            file: step.file.path,
            message: "\(step.file.path) was edited after it was begun: it was \(record.checksum), "
                + "it is \(step.file.checksum)",
            hint: "the step begins anew with the text of now; look for what the old text may have left behind"
        )
    }

    static func moved(_ record: HistoryRecord, to step: MigrationStep) -> MigrationFinding {
        MigrationFinding(
            kind: .moved,
            version: record.version,
            step: step.name,
            file: step.file.path,
            message: "step \(record.stepOrdinal) (\(record.stepName)) is applied, and its text is now step "
                + "\(step.ordinal), in \(step.file.path)",
            hint: "bring back the steps' old order, and put what is new into a new migration"
        )
    }

    static func missingFile(_ record: HistoryRecord, in migration: Migration) -> MigrationFinding {
        MigrationFinding(
            kind: .missingFile,
            version: record.version,
            step: record.stepName,
            file: migration.path,
            message: "step \(record.stepOrdinal) (\(record.stepName)) of \(migration.path) is applied, "
                + "and its file is gone",
            hint:
                "bring back \(migration.holdsStepsInFiles ? "\(migration.path)/\(record.stepName).sql" : migration.path) "
                + "as it was applied"
        )
    }

    static func missingMigration(_ record: HistoryRecord) -> MigrationFinding {
        let folder = "\(record.version)_\(record.migrationName)"
        return MigrationFinding(
            kind: .missingMigration,
            version: record.version,
            step: nil,
            file: nil,
            message: "version \(record.version) (\(record.migrationName)) is applied, and its folder is gone",
            hint: "bring back \(folder) as it was applied"
        )
    }

    static func ahead(_ record: HistoryRecord, latest: MigrationVersion?) -> MigrationFinding {
        let newest = latest.map { "the newest of these files is \($0)" } ?? "there are no files"
        return MigrationFinding(
            kind: .ahead,
            version: record.version,
            step: nil,
            file: nil,
            message: "the database has version \(record.version) (\(record.migrationName)); \(newest)",
            hint: "use the migrations of the release that was deployed last"
        )
    }

    static func addedStep(_ step: MigrationStep, in migration: Migration) -> MigrationFinding {
        MigrationFinding(
            kind: .addedStep,
            version: migration.version,
            step: step.name,
            file: step.file.path,
            message: "\(step.file.path) is not applied, and what comes after it or without it is",
            hint: "move it into a new migration"
        )
    }

    static func outOfOrder(
        _ migration: Migration,
        newest: MigrationVersion,
        isAllowed: Bool
    ) -> MigrationFinding {
        MigrationFinding(
            kind: .outOfOrder,
            version: migration.version,
            step: nil,
            file: migration.path,
            message: "\(migration.path) is not applied, and version \(newest) is",
            hint: isAllowed
                ? "it is applied out of order, as asked for"
                : "give it a version after \(newest): two branches have probably met; "
                    + "or apply it as it is, with --allow-out-of-order",
            isAllowed: isAllowed
        )
    }

    static func unknownChecksum(_ step: MigrationStep, _ record: HistoryRecord) -> MigrationFinding {
        MigrationFinding(
            kind: .unknownChecksum,
            version: record.version,
            step: step.name,
            file: step.file.path,
            message: "the checksum of \(step.file.path) was made with \(record.checksum.algorithm), "
                + "which this release does not know",
            hint: "use the release that applied it, or a newer one"
        )
    }

    static func renamed(_ step: MigrationStep, from record: HistoryRecord) -> MigrationFinding {
        MigrationFinding(
            kind: .renamedStep,
            version: record.version,
            step: step.name,
            file: step.file.path,
            message: "\(step.file.path) was applied as \(record.stepName).sql; its text is the same",
            hint: "nothing needs doing; the history keeps the old name until \"migrate repair\" records the new one"
        )
    }

    static func renamed(_ migration: Migration, from record: HistoryRecord) -> MigrationFinding {
        MigrationFinding(
            kind: .renamedMigration,
            version: record.version,
            step: nil,
            file: migration.path,
            message: "version \(record.version) was applied as \(record.migrationName); "
                + "its folder is now \(migration.path)",
            hint: "nothing needs doing if it is the same migration; otherwise two branches have met: "
                + "give the newer one the next free version"
        )
    }
}

extension Migration {
    /// Whether a step is a file in the migration's folder, and not a part of its only file.
    fileprivate var holdsStepsInFiles: Bool { steps.first.map { $0.file.path == "\(path)/\($0.name).sql" } ?? true }
}
