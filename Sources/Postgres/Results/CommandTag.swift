/// What the server says it did: the command's name and, for most, the number of rows.
public struct CommandTag: Sendable, Hashable, CustomStringConvertible {
    /// The tag as sent, for example `UPDATE 3` or `COMMIT`.
    ///
    /// The corresponding libpq function is `PQcmdStatus`.
    public let description: String

    init(_ description: String) {
        self.description = description
    }

    /// The command without its counts, for example `UPDATE`, `INSERT`, `CREATE TABLE`.
    public var command: String {
        let words = description.split(separator: " ")
        return words.prefix { $0.first?.isNumber == false }.joined(separator: " ")
    }

    /// The rows that were inserted, updated, deleted, selected or copied; nil for commands that do not count.
    public var rowCount: Int? {
        description.split(separator: " ").last.flatMap { Int($0) }
    }
}
