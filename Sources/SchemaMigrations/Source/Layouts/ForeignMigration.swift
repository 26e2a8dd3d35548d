/// A migration of another tool's layout, put together from its files.
struct ForeignMigration {
    let version: MigrationVersion
    let name: String
    /// Its folder's name, or its file's without the ending.
    let folder: String
    /// Its folder or file.
    let path: String

    /// Makes the migration.
    ///
    /// Directives at the top of the file count; a comment that merely looks like one is a comment, because nobody
    /// wrote it for this engine.
    ///
    /// - Throws: ``MigrationError`` for a directive whose value makes no sense.
    func migration(
        up: SQLFile,
        down: SQLFile?,
        stepName: String = "up",
        obstacle: StepObstacle? = nil
    ) throws(MigrationError) -> Migration {
        let header = SQLHeader(of: up.text)
        let directives = try Directives(of: up, header: header, isForeign: true)
        return Migration(
            version: version,
            name: name,
            folder: folder,
            path: path,
            phase: directives.phase ?? .expand,
            steps: steps(of: up, directives, stepName, obstacle),
            down: down,
            verify: nil,
            written: up
        )
    }

    private func steps(
        of file: SQLFile,
        _ directives: Directives,
        _ name: String,
        _ obstacle: StepObstacle?
    ) -> [MigrationStep] {
        let script = ForeignScript(file)
        // A directive's word on how the file runs is the last.
        let parts =
            directives.kind.map { [ForeignScript.Part(kind: $0, file: file, settings: nil)] } ?? script.parts
        return parts.enumerated().map { index, part in
            MigrationStep(
                ordinal: index + 1,
                name: parts.count == 1 ? name : "\(name)_\(index + 1)",
                kind: part.kind,
                options: directives.options,
                file: part.file,
                settings: part.settings,
                obstacle: obstacle ?? script.obstacle
            )
        }
    }
}

extension SQLFile {
    /// Another tool's file.
    ///
    /// - Throws: what reading a folder's file and ``SQLFile/init(path:bytes:)`` throw.
    init(_ name: String, in folder: SourceFolder) throws(MigrationError) {
        try self.init(path: folder.place(of: name), bytes: try folder.read(name))
    }

    /// A part of the file, with white space before it that keeps each line and column where it is.
    func part(_ range: Range<Int>) -> SQLFile {
        let bytes = Array(text.utf8)
        return SQLFile(
            path: path,
            text: String(decoding: Padding.before(range.lowerBound, of: bytes) + bytes[range], as: UTF8.self),
            checksum: Checksum(ofCanonical: Array(bytes[range]))
        )
    }
}

/// White space in the place of text that is not to run.
enum Padding {
    /// As many lines as stand before an offset, and as many columns as stand before it in its own.
    static func before(_ offset: Int, of bytes: [UInt8]) -> [UInt8] {
        let skipped = bytes[..<offset]
        let line = skipped.lastIndex(of: 0x0A).map { skipped[($0 + 1)...] } ?? skipped
        let lines = skipped.count - line.count
        let breaks = skipped.prefix(lines).count { $0 == 0x0A }
        return Array(repeating: 0x0A, count: breaks) + Array(repeating: 0x20, count: columns(in: line))
    }

    /// A range with all but its line ends turned into spaces, one for each character.
    static func instead(of range: Range<Int>, in bytes: [UInt8]) -> [UInt8] {
        bytes[range].filter { $0 & 0xC0 != 0x80 }.map { $0 == 0x0A ? 0x0A : 0x20 }
    }

    /// Characters, as PostgreSQL counts them: all bytes but those that continue one.
    private static func columns(in line: ArraySlice<UInt8>) -> Int {
        line.count { $0 & 0xC0 != 0x80 }
    }
}
