import SchemaMigrations

/// What `lint --trace` adds, as text.
enum LintTraceText {
    static func render(_ traces: [StepTrace], _ style: TextStyle) -> String {
        guard !traces.isEmpty else { return "trace: nothing is pending" }
        let head = "trace of \(Quantity.many(traces.count, "step")) on empty tables:"
        return ([head] + traces.map { step($0, style) }).joined(separator: "\n\n")
    }

    private static func step(_ trace: StepTrace, _ style: TextStyle) -> String {
        var lines = [style.paint(trace.file, .cyan) + "  (\(trace.step.kind.rawValue))"]
        let rows = trace.statements.flatMap { statement in
            texts(of: statement.locks).map { text in
                [statement.location.line.map { "line \($0)" } ?? "", statement.kind, text]
            }
        }
        lines += TextTable.render(rows)
        for table in trace.rewritten { lines.append("  " + style.paint("rewritten: \(table)", .yellow)) }
        return lines.joined(separator: "\n")
    }

    private static func texts(of locks: [StepTrace.Lock]?) -> [String] {
        guard let locks else { return ["not seen: it runs outside a transaction"] }
        guard !locks.isEmpty else { return ["no lock on a table from before"] }
        return locks.map { lock in
            "\(lock.mode.rawValue) on \(lock.table)\(lock.isForeseen ? "" : ", which the text does not tell")"
        }
    }
}

/// What `lint --trace` adds, in the shape of its JSON.
struct TracedStep: Encodable, Sendable, Equatable {
    let version: Int64
    let migration: String
    let step: String
    let kind: StepKind.Label
    let file: String
    let statements: [Statement]
    let rewritten: [String]

    struct Statement: Encodable, Sendable, Equatable {
        @OrNull var line: Int?
        let kind: String
        @OrNull var locks: [Lock]?
    }

    struct Lock: Encodable, Sendable, Equatable {
        let table: String
        let mode: LockMode
        let blocksReaders: Bool
        let blocksWriters: Bool
        let foreseen: Bool
    }

    init(_ trace: StepTrace) {
        version = trace.step.version.number
        migration = trace.step.migration
        step = trace.step.step
        kind = trace.step.kind
        file = trace.file
        statements = trace.statements.map { statement in
            Statement(
                line: statement.location.line,
                kind: statement.kind,
                locks: statement.locks?.map { lock in
                    Lock(
                        table: lock.table.description,
                        mode: lock.mode,
                        blocksReaders: lock.mode.blocksReaders,
                        blocksWriters: lock.mode.blocksWriters,
                        foreseen: lock.isForeseen
                    )
                }
            )
        }
        rewritten = trace.rewritten.map(\.description)
    }
}
