import Foundation
import Logging

@testable import Postgres

/// Random values that are the same in each run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    /// SplitMix64.
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// A value that several tasks of a test change.
final class Shared<Value: Sendable>: Sendable {
    private let value: Lock<Value>

    init(_ value: Value) {
        self.value = Lock(value)
    }

    func withLock<R: Sendable>(_ body: (inout sending Value) -> sending R) -> R {
        value.withLock { body(&$0) }
    }
}

/// Keeps what is logged.
final class LogRecorder: Sendable {
    private let entries = Lock<[String]>([])

    var lines: [String] { entries.withLock { $0 } }

    var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(recorder: self) }
        logger.logLevel = .trace
        return logger
    }

    private struct Handler: LogHandler {
        let recorder: LogRecorder
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let line = "\(event.level) \(event.message) \(event.metadata ?? [:])"
            recorder.entries.withLock { $0.append(line) }
        }
    }
}

/// Asks until the condition holds, for at most ten seconds; what was seen last is returned.
func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
    for _ in 0..<1000 {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(10))
    }
    return try await condition()
}

extension PostgresConnection {
    /// The first column of the only row.
    func value<Value: PostgresDecodable>(
        _ query: PostgresQuery,
        as type: Value.Type = Value.self
    ) async throws -> Value {
        try await self.query(query).one().decode(at: 0, as: type)
    }

    /// How many statements the server keeps prepared for this session.
    var preparedStatementCount: Int {
        get async throws {
            var query: PostgresQuery = "SELECT count(*) FROM pg_prepared_statements"
            query.isCacheable = false
            return try await value(query)
        }
    }

    /// What the server process does, as `pg_stat_activity` shows it to this session; nil when it is gone.
    func state(ofBackend processID: Int32) async throws -> String? {
        try await query("SELECT state FROM pg_stat_activity WHERE pid = \(processID)").zeroOrOne()?
            .decode(at: 0, as: String?.self)
    }

    /// Whether another session runs `pg_sleep`.
    func isSleeping(_ processID: Int32) async throws -> Bool {
        let rows = try await query("SELECT FROM pg_stat_activity WHERE pid = \(processID) AND wait_event = 'PgSleep'")
        return rows.count == 1
    }

    /// Ends another session and waits until it is gone.
    func terminate(_ processID: Int32) async throws {
        try await query("SELECT pg_terminate_backend(\(processID))")
        _ = try await eventually { try await state(ofBackend: processID) == nil }
    }
}

/// The error that `body` throws, or nil when it throws none.
func postgresError<R>(of body: () async throws -> R) async throws -> PostgresError? {
    do {
        _ = try await body()
        return nil
    } catch let error as PostgresError {
        return error
    }
}
