import Glibc

/// One SQL file of a migration, as it was read.
public struct SQLFile: Sendable, Hashable {
    /// The path for messages: as the source was given, followed by folder and file.
    public let path: String
    /// The content in canonical form: no byte-order mark, lines ended by LF.
    ///
    /// This is what runs. Of a file in another tool's layout it may be a part: what is not to run is white space then,
    /// so that every place in the text is one in the file.
    public let text: String
    /// The fingerprint of the file, or of the part of it that this is, as it was written.
    public let checksum: Checksum

    /// The most that a server takes in one string.
    static let maximumSize = 0x3FFF_FFFF

    /// Makes a file of bytes, after checking that PostgreSQL could read them.
    ///
    /// - Throws: ``MigrationError`` with `invalidText` for a NUL byte, bytes that are not UTF-8, or too many of them;
    ///   it names the byte's place.
    init(path: String, bytes: [UInt8]) throws(MigrationError) {
        guard bytes.count <= Self.maximumSize else {
            throw MigrationError(
                .invalidText,
                "the file has \(bytes.count) bytes; a server takes \(Self.maximumSize) at most",
                at: SourceLocation(file: path)
            )
        }
        let canonical = Self.canonical(bytes)
        let nul = bytes.withUnsafeBytes { raw in
            raw.baseAddress.flatMap { base in memchr(base, 0, raw.count).map { UnsafeRawPointer($0) - base } }
        }
        if let nul { throw Self.invalid("a NUL byte", at: nul, of: bytes, path: path) }
        guard let text = String(validating: canonical, as: UTF8.self) else {
            let offset = Self.firstInvalidByte(bytes)
            throw Self.invalid("bytes that are not UTF-8", at: offset, of: bytes, path: path)
        }
        self.path = path
        self.text = text
        checksum = Checksum(ofCanonical: canonical)
    }

    /// Makes a file of a text that was read and checked before.
    init(path: String, text: String, checksum: Checksum) {
        self.path = path
        self.text = text
        self.checksum = checksum
    }

    /// Removes a byte-order mark and turns CRLF into LF.
    static func canonical(_ bytes: [UInt8]) -> [UInt8] {
        let hasMark = bytes.starts(with: [0xEF, 0xBB, 0xBF])
        let body = hasMark ? bytes.dropFirst(3) : bytes[...]
        guard body.contains(0x0D) else { return hasMark ? Array(body) : bytes }
        var result: [UInt8] = []
        result.reserveCapacity(body.count)
        for index in body.indices {
            let isLineEnd = body[index] == 0x0D && index + 1 < body.endIndex && body[index + 1] == 0x0A
            if !isLineEnd { result.append(body[index]) }
        }
        return result
    }

    private static func firstInvalidByte(_ bytes: [UInt8]) -> Int {
        var parser = Unicode.UTF8.ForwardParser()
        var iterator = bytes.makeIterator()
        var offset = 0
        while case .valid(let scalar) = parser.parseScalar(from: &iterator) {
            offset += scalar.count
        }
        return offset
    }

    private static func invalid(_ what: String, at offset: Int, of bytes: [UInt8], path: String) -> MigrationError {
        let before = bytes.prefix(offset)
        let line = before.count { $0 == 0x0A } + 1
        return MigrationError(
            .invalidText,
            "the file holds \(what), at byte \(offset) counted from 0",
            at: SourceLocation(file: path, line: line),
            hint: "save the file as UTF-8 text"
        )
    }
}

extension SQLFile {
    /// The place of a byte of ``text``, with its line and column.
    package func location(ofByte offset: Int) -> SourceLocation {
        var text = text
        let (line, column) = text.withUTF8 { bytes in
            let before = bytes[..<min(max(offset, 0), bytes.count)]
            let start = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
            // Of a character's bytes, all but the first begin with the bits 10.
            return (before.count { $0 == 0x0A } + 1, before[start...].count { $0 & 0xC0 != 0x80 } + 1)
        }
        return SourceLocation(file: path, line: line, column: column)
    }

    /// An error at a byte of ``text``, with the line and a caret.
    func error(
        _ code: MigrationError.Code,
        _ message: String,
        atByte offset: Int,
        hint: String? = nil
    ) -> MigrationError {
        let excerpt = SourceExcerpt(of: text, byteOffset: offset)
        let place = SourceLocation(file: path, line: excerpt.line, column: excerpt.column)
        return MigrationError(code, message, at: place, excerpt: excerpt, hint: hint)
    }
}
