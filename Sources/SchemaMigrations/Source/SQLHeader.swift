/// The comments in front of a file's first SQL, where directives stand.
///
/// Walked by hand, because every file of a source is read this way on every run and the parser is kept for what is
/// pending. White space and comments are all there is before the first token, so nothing else need be understood.
struct SQLHeader {
    /// One `--` comment, with the offset of its first dash.
    struct Comment {
        let offset: Int
        let text: Substring.UTF8View
    }

    /// The `--` comments before the first SQL.
    private(set) var comments: [Comment] = []
    /// The offsets of block comments before the first SQL.
    private(set) var blockComments: [Range<Int>] = []
    /// Where the SQL begins; `nil` when there is none.
    private(set) var firstSQL: Int?

    init(of text: String) {
        var text = text
        text.makeContiguousUTF8()
        let source = text
        source.utf8.withContiguousStorageIfAvailable { bytes in
            var position = 0
            while position < bytes.count {
                let next = position + 1 < bytes.count ? bytes[position + 1] : 0
                switch (bytes[position], next) {
                case (0x2D, 0x2D):
                    let end = bytes[position...].firstIndex(of: 0x0A) ?? bytes.count
                    comments.append(Comment(offset: position, text: Self.slice(source, position + 2..<end)))
                    position = end
                case (0x2F, 0x2A):
                    guard let end = Self.endOfBlockComment(bytes, from: position) else {
                        // The parser explains an unterminated comment better than "no SQL" would.
                        firstSQL = position
                        return
                    }
                    blockComments.append(position..<end)
                    position = end
                case (0x09...0x0D, _), (0x20, _), (0x3B, _):
                    position += 1
                default:
                    firstSQL = position
                    return
                }
            }
        }
    }

    private static func slice(_ text: String, _ range: Range<Int>) -> Substring.UTF8View {
        let start = text.utf8.index(text.startIndex, offsetBy: range.lowerBound)
        return Substring(text).utf8[start..<text.utf8.index(start, offsetBy: range.count)]
    }

    /// The offset after a block comment, which may hold others.
    private static func endOfBlockComment(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        var depth = 0
        var position = start
        while position + 1 < bytes.count {
            switch (bytes[position], bytes[position + 1]) {
            case (0x2F, 0x2A):
                depth += 1
                position += 2
            case (0x2A, 0x2F):
                depth -= 1
                position += 2
                if depth == 0 { return position }
            default:
                position += 1
            }
        }
        return nil
    }
}
