import Foundation
import SchemaMigrations
import Testing

/// A small generator with a seed, so that a failing random case can be run again.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

/// A folder that exists as long as the closure runs.
func withFolder<Value>(_ files: [String: [UInt8]], _ body: (String) throws -> Value) throws -> Value {
    let root = FileManager.default.temporaryDirectory.appendingPathComponent("migrations-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: root) }
    try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
    for (path, bytes) in files {
        let file = root.appendingPathComponent(path)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: file)
    }
    return try body(root.path)
}

/// The error that a source of these files ends in.
func loadError(_ files: [String: String]) -> MigrationError? {
    do throws(MigrationError) {
        _ = try MigrationSource(files: files)
        return nil
    } catch {
        return error
    }
}

/// The only step of a migration with this text.
func step(_ sql: String) throws -> MigrationStep {
    let source = try MigrationSource(files: ["1_case/up.sql": sql])
    return try #require(source.migrations.first?.steps.first)
}

func version(_ number: Int64) throws -> MigrationVersion {
    try #require(MigrationVersion(number))
}

/// A record of a step as if it had just been applied or begun.
func record(
    _ migration: Migration,
    _ step: MigrationStep,
    _ outcome: HistoryRecord.Outcome = .applied,
    name: String? = nil,
    stepName: String? = nil,
    checksum: Checksum? = nil
) -> HistoryRecord {
    let isApplied = outcome == .applied
    let start = MigrationTime(microseconds: 1_772_357_400_000_000 + migration.version.number * 60_000_000)
    return HistoryRecord(
        version: migration.version,
        migrationName: name ?? migration.name,
        phase: migration.phase,
        stepOrdinal: step.ordinal,
        stepCount: migration.steps.count,
        stepName: stepName ?? step.name,
        kind: step.kind.label,
        checksum: checksum ?? step.file.checksum,
        outcome: outcome,
        startedAt: start,
        finishedAt: isApplied ? MigrationTime(microseconds: start.microseconds + 250_000) : nil,
        durationMS: isApplied ? 250 : nil,
        rows: isApplied && step.kind.label == .backfill ? 42 : nil
    )
}

extension MigrationSource {
    /// The records of an uninterrupted run up to a version, or of the first steps of that run.
    func applied(through version: Int64 = .max, steps: Int = .max) -> [HistoryRecord] {
        let all = migrations.filter { $0.version.number <= version }.flatMap { migration in
            migration.steps.map { record(migration, $0) }
        }
        return Array(all.prefix(steps))
    }
}
