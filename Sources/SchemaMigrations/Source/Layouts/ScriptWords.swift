/// Whether a text holds words because of which it must be read closely.
///
/// Every file of a source is asked on every run, so this is one pass over its bytes that knows nothing of SQL. It may
/// say yes for a word in a comment; it never says no where there is one.
struct ScriptWords {
    /// Words of statements at which a file may have to be cut.
    private(set) var mayNeedCutting = false
    /// A line that begins with a backslash, or data for `COPY … FROM STDIN`.
    private(set) var mayHoldClientCommands = false

    init(in text: String) {
        var text = text
        text.withUTF8 { bytes in
            var position = 0
            while position < bytes.count {
                let byte = bytes[position]
                if byte == 0x5C, Self.beginsLine(bytes, position) { mayHoldClientCommands = true }
                guard Self.isLetter(byte) else {
                    position += 1
                    continue
                }
                let end = Self.endOfWord(bytes, position)
                take(bytes, position..<end)
                position = end
            }
        }
    }

    /// The words of a text in lowercase.
    static func words(in text: ArraySlice<UInt8>) -> Set<String> {
        let words = text.split { !isLetter($0) && $0 != 0x5F }
        return Set(words.map { String(decoding: $0, as: UTF8.self).lowercased() })
    }

    private mutating func take(_ bytes: UnsafeBufferPointer<UInt8>, _ word: Range<Int>) {
        // Nothing looked for is shorter or longer than these, and most words end here.
        guard (4...12).contains(word.count), Self.initials.contains(bytes[word.lowerBound] | 0x20) else { return }
        let text = String(decoding: bytes[word], as: UTF8.self).lowercased()
        if text == "stdin" { mayHoldClientCommands = true }
        if text == "begin" {
            mayNeedCutting = mayNeedCutting || Self.beginsTransaction(bytes, after: word.upperBound)
        } else if Self.cutting.contains(text) {
            mayNeedCutting = true
        }
    }

    private static let initials = Set("abcdprstv".utf8)

    private static let cutting: Set<String> = [
        "abort", "call", "cluster", "commit", "concurrently", "database", "discard", "prepare", "reindex", "rollback",
        "start", "subscription", "system", "tablespace", "vacuum", "value",
    ]

    /// A `BEGIN` of PL/pgSQL is followed by a statement, that of a transaction by a semicolon or a mode.
    private static func beginsTransaction(_ bytes: UnsafeBufferPointer<UInt8>, after end: Int) -> Bool {
        guard let next = bytes[end...].firstIndex(where: { $0 > 0x20 }) else { return true }
        // A comment could hide anything.
        if [0x3B, 0x2D, 0x2F].contains(bytes[next]) { return true }
        let word = String(decoding: bytes[next..<endOfWord(bytes, next)], as: UTF8.self).lowercased()
        return ["transaction", "work", "isolation", "read", "not", "deferrable"].contains(word)
    }

    private static func beginsLine(_ bytes: UnsafeBufferPointer<UInt8>, _ position: Int) -> Bool {
        position == 0 || bytes[position - 1] <= 0x20
    }

    private static func endOfWord(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int) -> Int {
        bytes[start...].firstIndex { !isLetter($0) && $0 != 0x5F } ?? bytes.count
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte | 0x20)
    }
}
