/// Finds out how a folder is laid out.
enum LayoutDetection {
    /// The layout for which there is evidence; this engine's own where there is none.
    ///
    /// - Throws: ``MigrationError`` with `ambiguousLayout` when the folder looks like two, `unsupportedLayout` for
    ///   tools whose files cannot be read.
    static func layout(of root: SourceFolder) throws(MigrationError) -> MigrationLayout {
        try rejectUnsupported(root)
        var found: [(layout: MigrationLayout, entry: String)] = []
        for layout in MigrationLayout.allCases {
            if let entry = try layout.reader.evidence(in: root) { found.append((layout, entry)) }
        }
        guard found.count > 1 else { return found.first?.layout ?? .folders }
        let looks = found.map { "\($0.layout.rawValue) (\($0.entry))" }.joined(separator: " and like ")
        throw MigrationError(
            .ambiguousLayout,
            "the folder looks like \(looks)",
            at: SourceLocation(file: root.path),
            hint: "say which it is, with --layout",
            exitCode: .usage
        )
    }

    private static func rejectUnsupported(_ root: SourceFolder) throws(MigrationError) {
        let names = root.listing
        if names.files.contains("sqitch.plan") || ["deploy", "revert", "verify"].allSatisfy(names.folders.contains) {
            throw unsupported("Sqitch", "its changes are ordered by a plan, not by versions", in: root)
        }
        guard let file = names.files.first(where: isNumberedSQL), !file.hasSuffix(".up.sql") else { return }
        if String(decoding: try root.read(file), as: UTF8.self).contains("-- +goose") {
            throw unsupported("goose", "its sections are marked by -- +goose", in: root)
        }
    }

    private static func isNumberedSQL(_ name: String) -> Bool {
        name.hasSuffix(".sql") && name.first?.isNumber == true
    }

    private static func unsupported(_ tool: String, _ why: String, in root: SourceFolder) -> MigrationError {
        let known = MigrationLayout.allCases.map(\.rawValue).joined(separator: ", ")
        return MigrationError(
            .unsupportedLayout,
            "the folder is laid out for \(tool), which is not read: \(why)",
            at: SourceLocation(file: root.path),
            hint: "take the schema over with \"migrate baseline --at\", or lay the files out as one of: \(known)",
            exitCode: .usage
        )
    }
}

extension MigrationError.Code {
    /// A folder looks like that of two tools.
    public static let ambiguousLayout = Self(rawValue: "ambiguous_layout")
    /// A folder is laid out for a tool whose files cannot be read.
    public static let unsupportedLayout = Self(rawValue: "unsupported_layout")
    /// A file asks for something that only its own tool can do.
    public static let unsupportedFeature = Self(rawValue: "unsupported_feature")
}
