/// What a statement means for the transaction around it, when psql runs a file.
enum StatementRole: Equatable {
    case begin
    case commit(isChained: Bool)
    case rollback(isChained: Bool)
    /// It runs outside a transaction: the server refuses it inside one, or it may commit by itself.
    case outside
    /// It adds an enum label, which can be used once it is committed.
    case label
    /// It sets something for the rest of the session.
    case setting
    case ordinary

    init(of statement: SQLScript.Statement, in script: SQLScript) {
        guard Self.deservesParsing(statement, in: script) else {
            self = .ordinary
            return
        }
        guard let tree = try? script.parse(statement) else {
            // A newer server's grammar: go by the words.
            self = Self.looksOutside(statement, in: script) ? .outside : .ordinary
            return
        }
        self.init(tree, text: script.bytes[statement.range])
    }

    private init(_ tree: ParseNode, text: ArraySlice<UInt8>) {
        guard let (type, body) = tree.typed else {
            self = .ordinary
            return
        }
        self =
            switch type {
            case "TransactionStmt": Self.control(body)
            case "AlterEnumStmt": body["newVal"].exists && !body["oldVal"].exists ? .label : .ordinary
            case "VariableSetStmt": Self.isSessionSetting(body) ? .setting : .ordinary
            case "SelectStmt": Self.setsSession(text) ? .setting : .ordinary
            // Whether a procedure commits is not to be seen here.
            case "CallStmt": .outside
            case "DoStmt": Self.mayCommit(text) ? .outside : .ordinary
            default: Self.isRefused(tree) ? .outside : .ordinary
            }
    }

    private static func control(_ body: ParseNode) -> StatementRole {
        let isChained = body["chain"].isTrue
        return switch body["kind"].string {
        case "TRANS_STMT_BEGIN", "TRANS_STMT_START": .begin
        case "TRANS_STMT_COMMIT": .commit(isChained: isChained)
        case "TRANS_STMT_ROLLBACK": .rollback(isChained: isChained)
        default: .ordinary
        }
    }

    private static func isRefused(_ tree: ParseNode) -> Bool {
        if case .refusesTransaction = TransactionRules.obstacle(in: tree) { true } else { false }
    }

    private static func isSessionSetting(_ body: ParseNode) -> Bool {
        // SET TRANSACTION and its like end with the transaction.
        let isOfTransaction = body["kind"].string == "VAR_SET_MULTI" && body["name"].string != "SESSION CHARACTERISTICS"
        return !body["is_local"].isTrue && !isOfTransaction
    }

    /// `SELECT pg_catalog.set_config('search_path', '', false)`, as pg_dump writes it.
    private static func setsSession(_ text: ArraySlice<UInt8>) -> Bool {
        let words = String(decoding: text, as: UTF8.self).lowercased()
        return words.contains("set_config") && words.contains("false") && !words.contains(" from ")
    }

    /// Whether a DO block holds the word COMMIT or ROLLBACK; if it is only in a string, nothing is lost.
    private static func mayCommit(_ text: ArraySlice<UInt8>) -> Bool {
        let words = ScriptWords.words(in: text)
        return words.contains("commit") || words.contains("rollback")
    }

    /// Most statements can be told from their first words.
    private static func deservesParsing(_ statement: SQLScript.Statement, in script: SQLScript) -> Bool {
        let words = statement.tokens.prefix(2).map(script.word)
        switch words[0] {
        case "create", "drop", "alter":
            let isOdd = ["type", "system", "database", "tablespace", "subscription"].contains(words.dropFirst().first)
            return isOdd || isConcurrent(statement, in: script)
        case "begin", "start", "commit", "end", "rollback", "abort", "prepare", "vacuum", "reindex", "cluster",
            "discard", "call", "do", "set", "reset":
            return true
        case "select":
            return statement.tokens.contains { script.word($0) == "set_config" }
        default:
            return false
        }
    }

    private static func looksOutside(_ statement: SQLScript.Statement, in script: SQLScript) -> Bool {
        let first = statement.tokens.first.map(script.word)
        return first == "vacuum" || isConcurrent(statement, in: script)
    }

    private static func isConcurrent(_ statement: SQLScript.Statement, in script: SQLScript) -> Bool {
        statement.tokens.contains { script.isKeyword($0, "concurrently") }
    }
}
