import SchemaMigrations

/// What `drift` found, as text.
enum DriftText {
    static func render(_ drift: SchemaDrift, _ style: TextStyle) -> String {
        var lines = differences(drift.differences, style)
        if !lines.isEmpty { lines.append("") }
        if drift.builtOnVersion != drift.serverVersion, !drift.differences.isEmpty {
            lines.append(
                "note: compared on PostgreSQL \(drift.builtOnVersion), the database runs on \(drift.serverVersion): views may "
                    + "be spelled otherwise"
            )
        }
        if !drift.foreignExtensions.isEmpty {
            let names = drift.foreignExtensions.joined(separator: ", ")
            lines.append("note: no migration makes the extensions \(names), which the database has")
        }
        return (lines + [summary(drift, style)]).joined(separator: "\n")
    }

    /// The differences of a schema, `-` what should be there and `+` what is.
    static func differences(_ differences: [SchemaDifference], _ style: TextStyle) -> [String] {
        differences.flatMap { difference in
            let label = "\(difference.kind) \(difference.name)"
            switch difference.change {
            case .missing: return ["\(style.paint("missing", .red))     \(label)"]
            case .unexpected: return ["\(style.paint("unexpected", .yellow))  \(label)"]
            case .changed:
                let lines = changed(from: difference.expected ?? "", to: difference.found ?? "", style)
                return ["\(style.paint("changed", .yellow))     \(label)"] + lines
            }
        }
    }

    /// The lines that only one of two texts has, in their order.
    private static func changed(from expected: String, to found: String, _ style: TextStyle) -> [String] {
        let left = expected.split(separator: "\n", omittingEmptySubsequences: false)
        let right = found.split(separator: "\n", omittingEmptySubsequences: false)
        let changes = right.difference(from: left)
        let removed = changes.removals.map { change in
            if case .remove(_, let line, _) = change { style.paint("    - \(line)", .red) } else { "" }
        }
        let added = changes.insertions.map { change in
            if case .insert(_, let line, _) = change { style.paint("    + \(line)", .green) } else { "" }
        }
        return removed + added
    }

    private static func summary(_ drift: SchemaDrift, _ style: TextStyle) -> String {
        let version = drift.version.map { "version \($0)" } ?? "the empty database"
        guard let origin = drift.origin else {
            return style.paint("no drift: the schema is as the migrations make it (\(version))", .green)
        }
        let what = Quantity.many(drift.differences.count, "object")
        let when =
            switch origin {
            case .since(let after, nil): "after version \(after) was applied"
            case .since(let after, .some(let before)): "between version \(after) and version \(before)"
            case .already(let version): "before version \(version) was complete"
            case .unknown: "at a time that the history does not tell"
            }
        return style.paint("drift: \(what) differ\(drift.differences.count == 1 ? "s" : "") from \(version)", .red)
            + "; it began \(when)"
    }
}
