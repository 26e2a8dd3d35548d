import Postgres
import VMMModel

/// What a writer makes of a row that it has read.
enum Judgement<Part, Outcome> {
    /// Nothing is left to write.
    case settled(Outcome)
    /// This is to be written, and comes to an outcome once it was.
    case write(Part, Outcome)
}

extension GuardedUpdate {
    /// Judges a row, writes what follows, and starts again from what the row has become when somebody else was faster.
    ///
    /// Whoever is overtaken has seen a newer generation, so among racing writers one always gets on.
    ///
    /// - Parameters:
    ///   - row: The row as it was read, at any time.
    ///   - session: What runs the statements.
    ///   - judge: What follows from a row.
    /// - Returns: What the last judgement came to.
    /// - Throws: What `judge` and the update throw.
    func settle<Outcome>(
        _ row: Row,
        on session: some QueryRunner,
        judge: (Row) throws -> Judgement<Part, Outcome>
    ) async throws -> Outcome where Row: Identifiable, Row.ID == TypedID<Row> {
        var row = row
        while true {
            switch try judge(row) {
            case .settled(let outcome): return outcome
            case .write(let part, let outcome):
                switch try await run(row.id, to: part, on: session) {
                case .updated: return outcome
                // Also when somebody else wrote the very same: it was not written by this call.
                case .alreadyApplied(let now), .stale(let now), .deleted(let now): row = now
                }
            }
        }
    }
}
