/// The SQL of another tool's file, cut so that each part can run exactly once and all of them do what psql would do.
///
/// Almost every file is one part: one transaction. It is cut where psql commits and it matters: at a `COMMIT` of the
/// file's own, around a statement that refuses to run in a transaction, and behind new enum labels, which the next
/// statement may use. The file's own `BEGIN` and `COMMIT` do not run: a part's transaction is the engine's.
///
/// Where a file is cut decides about the steps that the history remembers. What is cut today must be cut in the same
/// way by every later release.
struct ForeignScript {
    /// One part.
    struct Part {
        let kind: StepKind
        let file: SQLFile
        /// The session settings that earlier parts have made, as SQL.
        let settings: String?
    }

    /// The parts in order; never empty.
    let parts: [Part]
    /// Why the file cannot run.
    let obstacle: StepObstacle?

    init(_ original: SQLFile) {
        let words = ScriptWords(in: original.text)
        let psql = words.mayHoldClientCommands ? PsqlCommands(in: original) : nil
        let file = psql?.file ?? original
        guard words.mayNeedCutting, psql?.obstacle == nil, let script = try? SQLScript(file.text) else {
            obstacle = psql?.obstacle
            parts = [Part(kind: .transaction, file: file, settings: nil)]
            return
        }
        var cutter = ScriptCutter(script: script)
        for statement in script.statements { cutter.take(statement) }
        cutter.end()
        obstacle = cutter.obstacle
        guard obstacle == nil else {
            parts = [Part(kind: .transaction, file: file, settings: nil)]
            return
        }
        // What is hashed is the file as it was written, psql's commands included.
        let written = Array(original.text.utf8)
        let isWhole = cutter.cuts.count == 1
        parts = cutter.cuts.map { cut in
            let text = cut.text(of: script.bytes)
            let checksum = isWhole ? original.checksum : Checksum(ofCanonical: Array(written[cut.range]))
            return Part(
                kind: cut.kind,
                file: SQLFile(path: file.path, text: text, checksum: checksum),
                settings: cut.settings.isEmpty ? nil : cut.settings.joined(separator: ";\n")
            )
        }
    }
}

/// One part of a script, by its bytes.
struct ScriptCut {
    let kind: StepKind
    /// Everything that belongs to it, comments and white space included.
    var range: Range<Int>
    /// What of it runs.
    let running: Range<Int>
    /// What of this does not run after all.
    let dropped: [Range<Int>]
    /// What was set for the session before it.
    let settings: [String]

    /// The part's text, in which every place is the one that it has in the file.
    func text(of bytes: [UInt8]) -> String {
        var text = Padding.before(running.lowerBound, of: bytes)
        var position = running.lowerBound
        for gap in dropped.sorted(by: { $0.lowerBound < $1.lowerBound }) where gap.upperBound > position {
            let lower = max(gap.lowerBound, position)
            text += bytes[position..<lower]
            text += Padding.instead(of: lower..<gap.upperBound, in: bytes)
            position = gap.upperBound
        }
        text += bytes[position..<running.upperBound]
        return String(decoding: text, as: UTF8.self)
    }
}

/// Walks a script's statements and cuts where a transaction ends.
struct ScriptCutter {
    let script: SQLScript
    private(set) var cuts: [ScriptCut] = []
    private(set) var obstacle: StepObstacle?
    /// Where the part at hand begins.
    private var start = 0
    /// The statements of the part at hand that run.
    private var kept: [Statement] = []
    /// What of the part at hand does not run: transaction control, and what was rolled back.
    private var dropped: [Range<Int>] = []
    /// Where the file's own `BEGIN` that is open stands.
    private var block: Int?
    /// What was set for the session before the part at hand.
    private var settings: [String] = []

    private struct Statement {
        let range: Range<Int>
        let role: StatementRole
    }

    init(script: SQLScript) {
        self.script = script
    }

    mutating func take(_ statement: SQLScript.Statement) {
        let next = Statement(range: statement.range, role: StatementRole(of: statement, in: script))
        switch next.role {
        case .begin:
            if block == nil { cut(at: next.range.lowerBound) }
            block = block ?? next.range.lowerBound
            dropped.append(next.range)
        case .commit(let isChained):
            endBlock(with: next, isChained: isChained)
        case .rollback(let isChained):
            if let block {
                kept.removeAll { $0.range.lowerBound > block }
                dropped.append(block..<next.range.upperBound)
            }
            endBlock(with: next, isChained: isChained)
        case .outside where block == nil:
            cutOut(next)
        case .label, .outside, .setting, .ordinary:
            let followsLabel = block == nil && kept.last?.role == .label && next.role != .label
            if followsLabel { cut(at: next.range.lowerBound) }
            kept.append(next)
        }
    }

    /// Takes in what stands behind the last statement.
    mutating func end() {
        if let block {
            obstacle = StepObstacle(
                code: .transactionControl,
                message: "this BEGIN has no COMMIT; what follows it would be lost",
                offset: block,
                hint: "end the transaction in the file that begins it"
            )
        }
        let end = script.bytes.count
        cut(at: end)
        if cuts.isEmpty {
            add(ScriptCut(kind: .transaction, range: 0..<end, running: 0..<end, dropped: dropped, settings: []))
        } else {
            cuts[cuts.count - 1].range = cuts[cuts.count - 1].range.lowerBound..<end
        }
    }

    private mutating func endBlock(with statement: Statement, isChained: Bool) {
        dropped.append(statement.range)
        // Without a BEGIN before it, psql is only warned.
        guard block != nil else { return }
        block = isChained ? statement.range.lowerBound : nil
        cut(at: statement.range.upperBound)
    }

    /// Ends the part at hand, unless it does nothing but set something for the session: that belongs to what follows.
    private mutating func cut(at end: Int) {
        guard kept.contains(where: { $0.role != .setting }) else { return }
        let range = start..<end
        add(ScriptCut(kind: .transaction, range: range, running: range, dropped: dropped, settings: settings))
    }

    /// Makes a part of one statement that must stand alone, so that what is set before it cannot be in its text.
    private mutating func cutOut(_ statement: Statement) {
        cut(at: statement.range.lowerBound)
        settings += kept.map(source)
        kept = []
        add(
            ScriptCut(
                kind: .noTransaction,
                range: start..<statement.range.upperBound,
                running: statement.range,
                dropped: [],
                settings: settings
            )
        )
    }

    private mutating func add(_ cut: ScriptCut) {
        cuts.append(cut)
        settings += kept.filter { $0.role == .setting }.map(source)
        kept = []
        dropped = []
        start = cut.range.upperBound
    }

    private func source(_ statement: Statement) -> String {
        String(decoding: script.bytes[statement.range], as: UTF8.self)
    }
}
