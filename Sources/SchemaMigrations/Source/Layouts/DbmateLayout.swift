/// dbmate's layout: `NNNN_name.sql` with a section `-- migrate:up` and one `-- migrate:down`.
enum DbmateLayout: LayoutReader {
    static func evidence(in root: SourceFolder) throws(MigrationError) -> String? {
        let candidates = root.listing.files.filter { digits(of: $0) != nil && !$0.hasSuffix(".up.sql") }
        // One file tells; a project has the sections in all of them.
        guard let first = candidates.first(where: { !$0.hasSuffix(".down.sql") }) else { return nil }
        let text = String(decoding: SQLFile.canonical(try root.read(first)), as: UTF8.self)
        return DbmateSections(text).up == nil ? nil : first
    }

    static func read(_ root: SourceFolder) -> LayoutReading {
        var reading = LayoutReading()
        let names = root.listing.files.filter { $0.hasSuffix(".sql") }
        reading.collect(each: names) { name throws(MigrationError) in try migration(name, in: root) }
        reading.warnings = SourceWarning.ignored(root.listing.folders, in: root, by: "dbmate")
        return reading
    }

    private static func digits(of name: String) -> Substring? {
        guard name.hasSuffix(".sql") else { return nil }
        let digits = name.prefix { $0.isASCII && $0.isNumber }
        return digits.isEmpty ? nil : digits
    }

    private static func migration(_ name: String, in root: SourceFolder) throws(MigrationError) -> Migration {
        let place = SourceLocation(file: root.place(of: name))
        guard let digits = digits(of: name), let version = MigrationVersion(digits) else {
            throw MigrationError(
                .unexpectedEntry,
                "this is no file of dbmate's, which would ignore it",
                at: place,
                hint: "its files are named VERSION_name.sql; move others elsewhere"
            )
        }
        let file = try SQLFile(name, in: root)
        let sections = DbmateSections(file.text)
        guard let up = sections.up else {
            throw MigrationError(
                .noSteps,
                "the file has no section \"-- migrate:up\"",
                at: place,
                hint:
                    "put a line \"-- migrate:up\" before the SQL to apply, and \"-- migrate:down\" before the way back"
            )
        }
        if let stray = sections.stray {
            throw file.error(
                .unexpectedEntry,
                "SQL before \"-- migrate:up\" belongs to no section",
                atByte: stray,
                hint: "move it below the line"
            )
        }
        let stem = String(name.dropLast(4))
        let title = stem.dropFirst(digits.count)
        let builder = ForeignMigration(
            version: version,
            name: String(title.hasPrefix("_") ? title.dropFirst() : title),
            folder: stem,
            path: place.file
        )
        return try builder.migration(up: file.part(up), down: sections.down.map(file.part))
    }
}

/// Where the sections of one of dbmate's files are.
///
/// Options such as `transaction:false` behind the marks need no reading: which statements run outside a transaction is
/// seen from the statements.
struct DbmateSections {
    /// What is between the line `-- migrate:up` and the next mark.
    private(set) var up: Range<Int>?
    /// What is between the line `-- migrate:down` and the end.
    private(set) var down: Range<Int>?
    /// The first SQL before the section `up`, if there is any.
    private(set) var stray: Int?

    init(_ text: String) {
        let bytes = Array(text.utf8)
        var marks: [(isUp: Bool, line: Range<Int>)] = []
        var start = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: 0x0A) ?? bytes.count
            if let isUp = Self.mark(in: bytes[start..<end]) { marks.append((isUp, start..<min(end + 1, bytes.count))) }
            start = end + 1
        }
        guard let first = marks.firstIndex(where: \.isUp) else { return }
        let next = marks[(first + 1)...].firstIndex { !$0.isUp }
        let upEnd = next.map { marks[$0].line.lowerBound } ?? bytes.count
        up = marks[first].line.upperBound..<upEnd
        down = next.map { marks[$0].line.upperBound..<bytes.count }
        stray = SQLHeader(of: String(decoding: bytes[..<marks[first].line.lowerBound], as: UTF8.self)).firstSQL
    }

    /// Whether a line is `-- migrate:up` (true) or `-- migrate:down` (false), options behind it or not.
    private static func mark(in line: ArraySlice<UInt8>) -> Bool? {
        guard line.starts(with: "--".utf8) else { return nil }
        let body = line.dropFirst(2).drop { $0 == 0x20 || $0 == 0x09 }
        for (name, isUp) in [("migrate:up", true), ("migrate:down", false)] where body.starts(with: name.utf8) {
            let rest = body.dropFirst(name.utf8.count)
            return rest.first.map { $0 <= 0x20 } ?? true ? isUp : nil
        }
        return nil
    }
}
