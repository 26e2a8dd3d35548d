/// Finds directives that would have no effect where they stand, so that none is ever silently ignored.
enum DirectiveGuard {
    /// Looks below the first SQL, and into block comments.
    ///
    /// The scanner is asked only about files in which the word occurs at all.
    ///
    /// - Throws: ``MigrationError`` with `misplacedDirective` at the first one.
    static func check(_ file: SQLFile, header: SQLHeader) throws(MigrationError) {
        guard let first = header.firstSQL, file.text.holds("igrate") else { return }
        let bytes = Array(file.text.utf8)
        for comment in header.blockComments {
            try checkBlock(bytes[comment], at: comment.lowerBound, in: file)
        }
        // A file that the scanner cannot read is reported when its step is due.
        guard let tokens = try? PostgresParser.scan(bytes) else { return }
        for token in tokens where token.kind == .comment && token.range.lowerBound >= first {
            let comment = bytes[token.range]
            if comment.first == 0x2F {
                try checkBlock(comment, at: token.range.lowerBound, in: file)
            } else if isDirective(comment.dropFirst(2)) {
                throw file.error(
                    .misplacedDirective,
                    "a directive below the first SQL has no effect",
                    atByte: token.range.lowerBound,
                    hint: "move it to the top of the file"
                )
            }
        }
    }

    private static func checkBlock(_ comment: ArraySlice<UInt8>, at offset: Int, in file: SQLFile)
        throws(MigrationError)
    {
        guard isDirective(comment.dropFirst(2)) else { return }
        throw file.error(
            .misplacedDirective,
            "a directive in a block comment has no effect",
            atByte: offset,
            hint: "write it as a line of its own that begins with \"-- migrate:\", at the top of the file"
        )
    }

    private static func isDirective(_ comment: ArraySlice<UInt8>) -> Bool {
        let text = String(decoding: comment, as: UTF8.self)
        let start = text.drop { $0.isWhitespace || $0 == "*" }
        return DirectiveLine.body(ofComment: start.utf8) != nil
    }
}
