/// What a client asked a server for.
public struct ClientRequest: Sendable {
    /// The statement's text; empty for the begin of a connection.
    public var sql = ""
    /// Whether the statement is to be executed, rather than only prepared.
    public var isExecuted = false
    /// Whether a transaction is open that an earlier request began.
    public var isInTransaction = false

    /// Whether it ends the transaction that an earlier request began by committing it, be it behind other statements.
    public var commits: Bool { sql == "COMMIT" || sql.hasSuffix("; COMMIT") }

    /// Whether a server that gets this request commits something that was written.
    public var commitsWrites: Bool {
        guard isExecuted else { return false }
        return commits || (!isInTransaction && (sql.contains("INSERT INTO ") || sql.contains(" SET ")))
    }
}

/// Puts the messages of one connection together to requests.
struct RequestReader {
    private var statements: [String: String] = [:]
    private var request = ClientRequest()
    private var isInTransaction = false

    /// Takes in a message; gives the request that it ends.
    mutating func see(_ message: Message) -> ClientRequest? {
        switch message.type.map({ UnicodeScalar($0) }) {
        case "Q":
            request.sql = message.texts[0]
            request.isExecuted = true
        case "P":
            request.sql = message.texts[1]
            statements[message.texts[0]] = request.sql
        case "B":
            request.sql = statements[message.texts[1]] ?? ""
        case "E":
            request.isExecuted = true
        default: break
        }
        return message.isRequest ? end() : nil
    }

    private mutating func end() -> ClientRequest {
        defer { request = ClientRequest() }
        request.isInTransaction = isInTransaction
        if request.sql.hasPrefix("BEGIN") { isInTransaction = true }
        if request.commits || request.sql == "ROLLBACK" { isInTransaction = false }
        return request
    }
}
