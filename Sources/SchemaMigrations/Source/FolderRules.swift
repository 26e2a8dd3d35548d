/// The rules by which a folder's files become a migration.
struct FolderRules {
    let name: String
    let folder: SourceFolder

    private var path: String { folder.path }

    /// What stands beside the folders of migrations and should not.
    static func strayEntries(in root: SourceFolder) -> [MigrationError] {
        let strays = root.listing.files.filter { $0 != "README.md" } + root.listing.others
        return strays.sorted().map { name in
            MigrationError(
                .unexpectedEntry,
                "this is no folder of a migration",
                at: SourceLocation(file: root.place(of: name)),
                hint: name.hasSuffix(".sql")
                    ? "put it into a folder of its own, as \(suggestedFolder(for: name))/up.sql"
                    : "move it elsewhere; only README.md and dot-files are ignored here"
            )
        }
    }

    private static func suggestedFolder(for file: String) -> String {
        let stem = String(file.dropLast(4))
        return stem.first?.isNumber == true ? stem : "0001_\(stem)"
    }

    /// Builds the migration, reading each file once.
    ///
    /// - Throws: ``MigrationError`` for each rule that is broken.
    func migration() throws(MigrationError) -> Migration {
        let listing = folder.listing
        let (version, title) = try parseFolderName()
        var errors = strays(listing)
        let names = listing.files.filter { $0.hasSuffix(".sql") && !Self.companions.contains($0) }
        let ordered = collect(&errors) { () throws(MigrationError) in try order(names) } ?? []
        var steps: [LoadedStep] = []
        for (index, file) in ordered.enumerated() {
            collect(&errors) { () throws(MigrationError) in
                steps.append(try load(file, ordinal: index + 1))
            }
        }
        var companions: [String: SQLFile] = [:]
        for file in listing.files where Self.companions.contains(file) {
            collect(&errors) { () throws(MigrationError) in companions[file] = try loadCompanion(file) }
        }
        if let error = MigrationError.combining(errors) { throw error }
        return Migration(
            version: version,
            name: title,
            folder: name,
            path: path,
            phase: steps.first?.phase ?? .expand,
            steps: steps.map(\.step),
            down: companions["down.sql"],
            verify: companions["verify.sql"]
        )
    }

    private static let companions: Set<String> = ["down.sql", "verify.sql"]

    private struct LoadedStep {
        let step: MigrationStep
        let phase: MigrationPhase?
    }

    @discardableResult
    private func collect<Value>(
        _ errors: inout [MigrationError],
        _ body: () throws(MigrationError) -> Value
    ) -> Value? {
        do throws(MigrationError) {
            return try body()
        } catch {
            errors.append(error)
            return nil
        }
    }

    private func parseFolderName() throws(MigrationError) -> (MigrationVersion, String) {
        let digits = name[..<(name.utf8.firstIndex { !(0x30...0x39).contains($0) } ?? name.endIndex)]
        let rest = name[digits.endIndex...]
        guard let version = MigrationVersion(digits), version.number > 0, rest.hasPrefix("_"),
            Self.isName(rest.dropFirst())
        else {
            throw MigrationError(
                .invalidFolderName,
                "a migration's folder is named VERSION_name, with a version from 1 to \(Int64.max) "
                    + "and a name of letters, digits, '_', '-' and '.'",
                at: SourceLocation(file: path),
                hint: "for example 0003_add_index"
            )
        }
        return (version, String(rest.dropFirst()))
    }

    private static func isName(_ text: Substring) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F, 0x2D, 0x2E: true
                default: false
                }
            }
    }

    private func strays(_ listing: DirectoryReader.Listing) -> [MigrationError] {
        let files = listing.files.filter { !$0.hasSuffix(".sql") && $0 != "README.md" }
        return (files + listing.folders + listing.others).sorted().map { name in
            MigrationError(
                .unexpectedEntry,
                "no rule says what this is for",
                at: SourceLocation(file: "\(path)/\(name)"),
                hint: "a migration's folder holds up.sql or numbered steps, down.sql, verify.sql and README.md"
            )
        }
    }

    /// Sorts the steps' files by number and checks that these are 1, 2, 3, ….
    private func order(_ names: [String]) throws(MigrationError) -> [String] {
        guard !names.isEmpty else {
            throw MigrationError(
                .noSteps,
                "the folder has no SQL to apply",
                at: SourceLocation(file: path),
                hint: "add up.sql, or steps named 01_first.sql, 02_second.sql, …"
            )
        }
        if names == ["up.sql"] { return names }
        var numbered: [(number: Int64, name: String)] = []
        for name in names where name != "up.sql" { numbered.append((try stepNumber(of: name), name)) }
        if numbered.count < names.count {
            throw MigrationError(
                .mixedSteps,
                "a migration has either up.sql or numbered steps; here are both up.sql and \(numbered[0].name)",
                at: SourceLocation(file: path)
            )
        }
        numbered.sort { ($0.number, $0.name) < ($1.number, $1.name) }
        for (index, step) in numbered.enumerated() where step.number != Int64(index + 1) {
            throw wrongNumber(numbered, at: index)
        }
        return numbered.map(\.name)
    }

    private func stepNumber(of name: String) throws(MigrationError) -> Int64 {
        let stem = name.dropLast(4)
        let digits = stem.prefix { $0.isASCII && $0.isNumber }
        let rest = stem[digits.endIndex...]
        guard let number = Int64(digits), rest.hasPrefix("_"), Self.isName(rest.dropFirst()) else {
            throw MigrationError(
                .unexpectedEntry,
                "this is neither up.sql, down.sql, verify.sql nor a numbered step",
                at: SourceLocation(file: "\(path)/\(name)"),
                hint: "a step is named NUMBER_name.sql, for example 01_create_enum.sql"
            )
        }
        return number
    }

    private func wrongNumber(_ steps: [(number: Int64, name: String)], at index: Int) -> MigrationError {
        let step = steps[index]
        let message =
            if index > 0 && steps[index - 1].number == step.number {
                "steps \(steps[index - 1].name) and \(step.name) have the same number"
            } else {
                "step \(index + 1) is missing; the next is \(step.name)"
            }
        return MigrationError(
            .stepNumbers,
            message,
            at: SourceLocation(file: "\(path)/\(step.name)"),
            hint: "number the steps 1, 2, 3, … without gaps"
        )
    }

    private func load(_ name: String, ordinal: Int) throws(MigrationError) -> LoadedStep {
        let (file, directives) = try loadFile(name)
        if ordinal > 1, let offset = directives.offsets["phase"] {
            throw file.error(
                .misplacedDirective,
                "the phase is said once for a migration, in its first step",
                atByte: offset
            )
        }
        let step = MigrationStep(
            ordinal: ordinal,
            name: String(name.dropLast(4)),
            kind: directives.kind ?? .transaction,
            options: directives.options,
            file: file
        )
        return LoadedStep(step: step, phase: directives.phase)
    }

    private func loadCompanion(_ name: String) throws(MigrationError) -> SQLFile {
        let (file, directives) = try loadFile(name)
        if let directive = directives.offsets.min(by: { $0.value < $1.value }) {
            throw file.error(
                .misplacedDirective,
                "\(name) takes no directive \"\(directive.key)\"; directives belong to steps",
                atByte: directive.value
            )
        }
        return file
    }

    private func loadFile(_ name: String) throws(MigrationError) -> (SQLFile, Directives) {
        let file = try SQLFile(path: folder.place(of: name), bytes: try folder.read(name))
        let header = SQLHeader(of: file.text)
        let directives = try Directives(of: file, header: header)
        guard header.firstSQL != nil else {
            throw MigrationError(.emptyFile, "the file has no SQL in it", at: SourceLocation(file: file.path))
        }
        try DirectiveGuard.check(file, header: header)
        return (file, directives)
    }
}
