/// Connection strings in libpq's two forms.
enum ConnectionString {
    /// The `keyword='value'` form.
    static func keywords(_ pairs: [(keyword: String, value: String)]) -> String {
        pairs.map { keyword, value in
            let escaped = value.replacing("\\", with: "\\\\").replacing("'", with: "\\'")
            return "\(keyword)='\(escaped)'"
        }.joined(separator: " ")
    }

    /// The URL of a database behind a Unix socket.
    static func url(user: String, database: String, socketDirectory: String, port: Int) -> String {
        let (user, database) = (percentEncoded(user), percentEncoded(database))
        return "postgresql://\(user)@/\(database)?host=\(percentEncoded(socketDirectory))&port=\(port)"
    }

    private static func percentEncoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF")
        return text.utf8.reduce(into: "") { result, byte in
            let character = Character(Unicode.Scalar(byte))
            if character.isASCII, character.isLetter || character.isNumber || "-._~".contains(character) {
                result.append(character)
            } else {
                result.append(contentsOf: ["%", digits[Int(byte >> 4)], digits[Int(byte & 15)]])
            }
        }
    }
}
