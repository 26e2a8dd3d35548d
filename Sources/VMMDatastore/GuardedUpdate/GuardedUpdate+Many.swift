import Postgres
import VMMModel

extension GuardedUpdate {
    typealias Answer = Result<UpdateOutcome<Row>, DatastoreError>

    /// Applies changes as if one after the other, with one statement as long as the database accepts them all.
    ///
    /// - Returns: What each change came to, in the order of the changes.
    /// - Throws: `PostgresError` when the database cannot be asked.
    func run(inOrder changes: [Change], on pool: PostgresPool) async throws -> [Answer] {
        var positions: [TypedID<Row>: [Int]] = [:]
        for (position, change) in changes.enumerated() { positions[change.id, default: []].append(position) }
        let rows = positions.values.sorted { ($0.first ?? 0) < ($1.first ?? 0) }
        var answers: [Int: Answer] = [:]
        do {
            try await apply(rows[...], of: changes, on: pool, into: &answers)
        } catch let error as PostgresError where answers.values.contains(where: Self.isWritten) {
            throw error.afterCommittedParts()
        }
        return changes.indices.compactMap { answers[$0] }
    }

    /// Whether an answer tells of something that may have been committed.
    private static func isWritten(_ answer: Answer) -> Bool {
        if case .failure(let error) = answer { error.wasApplied } else { true }
    }

    /// Applies the changes of some rows, each given by the positions of its changes.
    private func apply(
        _ rows: ArraySlice<[Int]>,
        of changes: [Change],
        on pool: PostgresPool,
        into answers: inout [Int: Answer]
    ) async throws {
        guard let first = rows.first else { return }
        let last = rows.map { positions in lasting(positions.map { changes[$0] }) }
        do {
            // Another multi-row writer, such as a backfill, may lock in another order than that of keys.
            let found = try await pool.withTransaction(retry: .standard) { connection, _ in
                try await run(last.compactMap(\.self), on: connection)
            }
            for positions in rows {
                let outcomes = outcomes(of: positions.map { changes[$0] }, found: found[changes[positions[0]].id])
                for (position, outcome) in zip(positions, outcomes) { answers[position] = outcome }
            }
        } catch let error as PostgresError where error.isRefusalOfValues {
            // Nothing was written. Halves lead to the rows that are to blame.
            if rows.count > 1 {
                let middle = rows.startIndex + rows.count / 2
                try await apply(rows[..<middle], of: changes, on: pool, into: &answers)
                try await apply(rows[middle...], of: changes, on: pool, into: &answers)
            } else if first.count > 1 {
                for position in first { try await apply([[position]], of: changes, on: pool, into: &answers) }
            } else {
                answers[first[0]] = .failure(.refused(changes[first[0]].id, error))
            }
        }
    }

    /// The one of a row's changes that is left when all have been applied, unless the row is newer.
    func lasting(_ changes: [Change]) -> Change? {
        var last: Change?
        for change in changes where last.map({ $0.part.generation < change.part.generation }) ?? true { last = change }
        return last
    }

    /// What the changes of one row come to when applied one after the other to the row that was found.
    func outcomes(of changes: [Change], found: FlaggedRow<Row>?) -> [Answer] {
        guard let found else { return changes.map { .failure(.notFound($0.id)) } }
        var row: Row
        do throws(DatastoreError) {
            row = try found.row.get()
        } catch {
            let written = found.wasWritten ? lasting(changes) : nil
            return changes.map { change in
                var located = error
                located.wasApplied = change.part == written?.part
                return .failure(located)
            }
        }
        return changes.map { change in
            guard found.wasWritten, change.part.generation > row[keyPath: part].generation else {
                return .success(refusal(of: change, now: row))
            }
            defer { row[keyPath: part] = change.part }
            return .success(.updated(before: row))
        }
    }
}

extension PostgresError {
    /// Whether the server refused what a statement would have written, so that others may be written without it.
    ///
    /// Those are data exceptions (class 22), integrity constraints (23), checks of views (44) and errors that triggers
    /// raise (P0).
    fileprivate var isRefusalOfValues: Bool {
        guard code == .server, let state = sqlState else { return false }
        return ["22", "23", "44", "P0"].contains(String(state.description.prefix(2)))
    }
}
