/// What a statement does to which table, in a few words: `SELECT vmm`.
enum QuerySummary {
    /// The first word and the table that follows FROM, INTO, UPDATE, JOIN or TABLE.
    ///
    /// Reads up to the first literal, so that no value can become part of it, and not further than `limit` bytes.
    static func of(_ sql: String, limit: Int = 1000) -> String {
        var words = Words(bytes: Array(sql.utf8.prefix(limit)))
        guard let first = words.next() else { return "" }
        let operation = first.uppercased()
        var last = operation
        while let word = words.next() {
            let isObject = ["FROM", "INTO", "UPDATE", "JOIN", "TABLE"].contains(last)
            let next = word.uppercased()
            // `DELETE FROM ONLY t`, `CREATE TABLE IF NOT EXISTS t`.
            if isObject, ["ONLY", "IF", "NOT", "EXISTS", "LATERAL"].contains(next) { continue }
            if isObject { return "\(operation) \(word)" }
            last = next
        }
        return operation
    }

    /// Words, names and placeholders; ends at a literal or at what cannot be told from one.
    private struct Words {
        let bytes: [UInt8]
        var position = 0

        mutating func next() -> String? {
            while position < bytes.count {
                switch bytes[position] {
                case UInt8(ascii: "'"), UInt8(ascii: "$"):
                    position = bytes.count
                case UInt8(ascii: "-") where follows(UInt8(ascii: "-")):
                    skip { $0 == UInt8(ascii: "\n") }
                case UInt8(ascii: "/") where follows(UInt8(ascii: "*")):
                    skipComment()
                case let byte where Self.isNameStart(byte):
                    return name()
                case UInt8(ascii: "0")...UInt8(ascii: "9"):
                    skip { !Self.isName($0) }
                default:
                    position += 1
                }
            }
            return nil
        }

        private func follows(_ byte: UInt8) -> Bool { position + 1 < bytes.count && bytes[position + 1] == byte }

        private mutating func skip(until isEnd: (UInt8) -> Bool) {
            while position < bytes.count, !isEnd(bytes[position]) { position += 1 }
        }

        private mutating func skipComment() {
            position += 2
            while position < bytes.count, !(bytes[position] == UInt8(ascii: "*") && follows(UInt8(ascii: "/"))) {
                position += 1
            }
            position += 2
        }

        private mutating func name() -> String {
            let start = position
            var isQuoted = false
            while position < bytes.count, isQuoted || Self.isName(bytes[position]) {
                if bytes[position] == UInt8(ascii: "\"") { isQuoted.toggle() }
                position += 1
            }
            return String(decoding: bytes[start..<position], as: UTF8.self)
        }

        private static func isNameStart(_ byte: UInt8) -> Bool {
            byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "_") || byte >= 0x80
                || (byte | 0x20) >= UInt8(ascii: "a") && (byte | 0x20) <= UInt8(ascii: "z")
        }

        private static func isName(_ byte: UInt8) -> Bool {
            isNameStart(byte) || byte == UInt8(ascii: ".") || byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
        }
    }
}
