/// One pass over migrations, from the oldest to the newest.
struct LintRun {
    let linter: Linter
    let firstPending: Int?
    private(set) var findings: [LintFinding] = []
    private(set) var fileCount = 0
    private(set) var silencedCount = 0
    private var schema = SchemaModel()

    init(linter: Linter, firstPending: Int?) {
        self.linter = linter
        self.firstPending = firstPending
    }

    /// Takes a migration in; only with `isReported` its findings are kept.
    mutating func take(_ migration: Migration, index: Int, isReported: Bool) {
        let steps = migration.steps.map { LintStep($0) }
        var writes = Self.writes(in: steps)[...]
        var position = 0
        for step in steps {
            var transaction = LintTransaction()
            var found = step.unreadable
            for statement in step.statements {
                position += 1
                while let next = writes.first, next.position < position { writes.removeFirst() }
                let context = LintContext(migration: migration, index: index, step: step.step, laterWrites: writes)
                found += examine(statement, in: context, &transaction, isReported: isReported)
                schema.apply(statement, migration: index)
            }
            if isReported { report(found, of: step.step) }
        }
    }

    private struct LintContext {
        let migration: Migration
        let index: Int
        let step: MigrationStep
        let laterWrites: ArraySlice<LintWrite>
    }

    /// A function of its own so that the subject's copy of the schema is gone before the schema changes.
    private func examine(
        _ statement: LintStatement,
        in context: LintContext,
        _ transaction: inout LintTransaction,
        isReported: Bool
    ) -> [LintFinding] {
        let subject = LintSubject(
            statement: statement,
            schema: schema,
            transaction: transaction,
            kind: context.step.kind,
            phase: context.migration.phase,
            migration: context.index,
            version: linter.version,
            database: linter.database,
            firstPending: firstPending,
            laterWrites: context.laterWrites
        )
        transaction.take(subject)
        return isReported ? remarks(about: subject, in: context.step.file) : []
    }

    private func remarks(about subject: LintSubject, in file: SQLFile) -> [LintFinding] {
        LintRule.all.flatMap { rule in
            rule.check(subject).map { remark in
                let size = remark.table.flatMap { linter.database?.tables[SchemaModel.key($0)]?.bytes }
                let offset = subject.statement.offset + remark.offset
                return LintFinding(rule, remark.why, atByte: offset, of: file, tableBytes: size)
            }
        }
    }

    private mutating func report(_ found: [LintFinding], of step: MigrationStep) {
        fileCount += 1
        let allowances = step.options.allowances
        let allowed = Set(allowances.filter { !$0.reason.isEmpty }.map(\.rule))
        let used = Set(found.map(\.rule.id)).intersection(allowed)
        findings += found.filter { !allowed.contains($0.rule.id) }
        silencedCount += found.count { allowed.contains($0.rule.id) }
        for allowance in allowances {
            guard let (rule, why) = Self.complaint(about: allowance, used: used) else { continue }
            let offset = step.file.byteOffset(ofLine: allowance.line)
            findings.append(LintFinding(rule, why, atByte: offset, of: step.file))
        }
    }

    /// What is wrong with a silence, if anything is.
    private static func complaint(about allowance: LintAllowance, used: Set<String>) -> (LintRule, String)? {
        let rule = allowance.rule
        if rule.isEmpty { return (FileRules.invalidSilence, "the silence names no rule") }
        if !LintRule.all.contains(where: { $0.id == rule }) {
            let nearest = Spelling.nearest(to: rule, in: LintRule.all.map(\.id))
            let hint = nearest.map { "; did you mean \($0)?" } ?? ""
            return (FileRules.invalidSilence, "there is no rule \"\(rule)\"\(hint)")
        }
        if allowance.reason.isEmpty { return (FileRules.invalidSilence, "the silence of \(rule) says no reason") }
        if used.contains(rule) { return nil }
        return (FileRules.unusedSilence, "nothing in this file breaks \(rule)")
    }

    private static func writes(in steps: [LintStep]) -> [LintWrite] {
        steps.flatMap(\.statements).enumerated().compactMap { position, statement in
            guard statement.type == "UpdateStmt", let table = statement.table else { return nil }
            let targets = statement.body["targetList"].elements.compactMap { $0.body(of: "ResTarget")?["name"].string }
            return LintWrite(table: table, columns: Set(targets), position: position)
        }
    }
}

extension LintTransaction {
    /// Takes in what a statement did.
    mutating func take(_ subject: LintSubject) {
        for lock in subject.newStrongLocks {
            let key = SchemaModel.key(lock.table)
            locks[key] = max(locks[key] ?? lock.mode, lock.mode)
        }
        if subject.type == "AlterEnumStmt", let label = subject.body["newVal"].string,
            !subject.body["oldVal"].exists
        {
            labels.insert(label)
        }
        constraints.formUnion(subject.statement.commands.compactMap { $0.constraint?.name })
    }
}

extension LintFinding {
    init(_ rule: LintRule, _ why: String, atByte offset: Int, of file: SQLFile, tableBytes: Int64? = nil) {
        let excerpt = SourceExcerpt(of: file.text, byteOffset: offset)
        self.init(
            rule: rule,
            location: SourceLocation(file: file.path, line: excerpt.line, column: excerpt.column),
            excerpt: excerpt,
            why: why,
            tableBytes: tableBytes
        )
    }
}

extension SQLFile {
    /// The first byte of a line that is counted from 1.
    fileprivate func byteOffset(ofLine line: Int) -> Int {
        var rest = text.utf8[...]
        for _ in 1..<max(line, 1) {
            guard let end = rest.firstIndex(of: 0x0A) else { break }
            rest = rest[rest.index(after: end)...]
        }
        return text.utf8.distance(from: text.utf8.startIndex, to: rest.startIndex)
    }
}
