import Postgres
public import VMMModel

/// By what failed VMMs are counted.
public enum FailureGrouping: String, CaseIterable, Hashable, Sendable {
    /// By failure reason, the most frequent first.
    case reason
    /// By the sled they were on, the most stricken first.
    case sled
    /// By the day, in UTC, on which the state was last written, the earliest first.
    case day

    /// The text by which rows are told apart; it depends on nothing that a caller gives.
    fileprivate var expression: String {
        switch self {
        case .reason: "failure_reason::text"
        case .sled: "sled_id::text"
        case .day: "to_char(time_state_updated AT TIME ZONE 'UTC', 'YYYY-MM-DD')"
        }
    }

    fileprivate var order: String {
        switch self {
        case .reason, .sled: "count(*) DESC, 1"
        case .day: "1"
        }
    }
}

/// How many VMMs of one group failed.
public struct VMMFailureCount: Hashable, Sendable {
    /// The reason's label, the sled's identifier, or the day as `2026-08-21`.
    ///
    /// `nil` for VMMs that failed without a reason, of which there are none once version 2 is in force.
    public let group: String?
    /// Those that are not marked deleted.
    public let live: Int
    /// Those that are.
    public let deleted: Int

    /// All of them.
    public var total: Int { live + deleted }
}

extension Datastore {
    /// Counts failed VMMs, deleted ones included; groups without any are left out.
    ///
    /// ```swift
    /// for count in try await datastore.countFailures(by: .sled) { print(count.group ?? "none", count.total) }
    /// ```
    ///
    /// - Parameters:
    ///   - grouping: What is counted together.
    ///   - time: Only VMMs whose state was last written at this time or later.
    /// - Returns: The groups in the order that ``FailureGrouping`` tells.
    /// - Throws: `PostgresError`.
    public func countFailures(
        by grouping: FailureGrouping = .reason,
        since time: Timestamp? = nil
    ) async throws -> [VMMFailureCount] {
        let rows = try await read(
            """
            SELECT \(unsafeSQL: grouping.expression) AS label, count(*) FILTER (WHERE time_deleted IS NULL) AS live,
              count(time_deleted) AS deleted
            FROM vmm WHERE state = 'failed' AND (\(time) IS NULL OR time_state_updated >= \(time))
            GROUP BY 1 ORDER BY \(unsafeSQL: grouping.order)
            """
        )
        return try rows.map { row in
            VMMFailureCount(
                group: try row.decode("label"),
                live: try row.decode("live"),
                deleted: try row.decode("deleted")
            )
        }
    }
}
