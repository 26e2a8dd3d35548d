/// Which statements a connection has prepared, and which it has seen.
///
/// A statement is prepared on its second use, or another that is configured, so that text used once does not push out
/// what is used often. The cache has a bound: the one unused for longest goes, and is deallocated on the server with the next chance.
struct StatementCache {
    struct Key: Hashable {
        let sql: String
        let types: [UInt32]
    }

    final class Entry {
        let key: Key
        let name: String
        var isPrepared = false
        var layout: ColumnLayout?
        fileprivate var lastUse: UInt64 = 0
        fileprivate var useCount = 0

        init(key: Key, name: String) {
            self.key = key
            self.name = name
        }
    }

    private var capacity: Int
    /// With which use a statement is prepared.
    private let threshold: Int
    /// Apart for each session: behind a pooler, names of several clients meet in one session of the server.
    private let prefix = "s" + String(UInt32.random(in: .min ... .max), radix: 36) + "_"
    private var entries: [Key: Entry] = [:]
    /// Those used last: nearly all uses find theirs here, by comparing texts instead of hashing one.
    private var recent: [Entry] = []
    private static let recentCount = 4
    private var uses: UInt64 = 0
    private var names: UInt64 = 0
    /// Whether this transaction changed what plans depend on.
    private var changedPlans = false
    /// Whether the session set its search path.
    private var changedPath = false
    /// Names that the server still holds and nobody uses.
    private(set) var evicted: [String] = []

    init(capacity: Int, threshold: Int) {
        self.capacity = capacity
        self.threshold = threshold
    }

    /// The statement's entry, and whether it is time to prepare it; nil when it is not to be cached.
    mutating func use(_ query: PostgresQuery) -> (entry: Entry, isDue: Bool)? {
        guard capacity > 0, query.isCacheable else { return nil }
        uses += 1
        if let entry = recent.first(where: { $0.key.sql == query.sql && query.parameters.hasTypes($0.key.types) }) {
            return (entry, note(entry))
        }
        let key = Key(sql: query.sql, types: query.parameters.types)
        if let entry = entries[key] {
            noteRecent(entry)
            return (entry, note(entry))
        }
        if entries.count >= capacity { evictOldest() }
        names += 1
        let entry = Entry(key: key, name: "\(prefix)\(names)")
        entries[key] = entry
        return (entry, note(entry))
    }

    /// Notes a use; whether the statement is to be prepared by now.
    private mutating func note(_ entry: Entry) -> Bool {
        entry.lastUse = uses
        guard entry.useCount < threshold else { return true }
        entry.useCount += 1
        return entry.useCount >= threshold
    }

    /// Forgets one statement, whose plan or name the server refused.
    mutating func remove(_ entry: Entry) {
        entries[entry.key] = nil
        recent.removeAll { $0 === entry }
        if entry.isPrepared { evicted.append(entry.name) }
    }

    /// Caches nothing from now on.
    mutating func disable() {
        capacity = 0
    }

    /// Forgets all statements; those that the server may still hold are deallocated later.
    mutating func removeAll(serverKeepsThem: Bool) {
        if serverKeepsThem {
            evicted += entries.values.filter(\.isPrepared).map(\.name)
        } else {
            evicted = []
        }
        entries = [:]
        recent = []
    }

    /// Forgets statements that a command of ours made stale, before one of them fails inside a transaction.
    ///
    /// What others do, or functions, is found out from the server's errors.
    mutating func noteEffects(of tags: [CommandTag], sql: String) {
        // Asked of a script's text once, however many SETs it has.
        lazy var namesPath = Effect.names("search_path", in: sql)
        for tag in tags { note(Effect(of: tag.description, namesPath: namesPath)) }
    }

    /// The same for one statement.
    mutating func noteEffect(of tag: CommandTag, sql: String) {
        note(Effect(of: tag.description, namesPath: Effect.names("search_path", in: sql)))
    }

    private mutating func note(_ effect: Effect) {
        switch effect {
        case .none: break
        case .changesPlans, .changesPath:
            changedPath = changedPath || effect == .changesPath
            changedPlans = true
            removeAll(serverKeepsThem: true)
        case .undoesChanges: noteEnd(isUndone: true)
        case .endsTransaction: noteEnd(isUndone: false)
        case .deallocatesAll: removeAll(serverKeepsThem: false)
        }
    }

    /// A transaction ended.
    mutating func noteEnd(isUndone: Bool) {
        // Plans made since the change go by what was undone.
        if isUndone, changedPlans { removeAll(serverKeepsThem: true) }
        changedPlans = false
    }

    /// The session's settings are again those it began with.
    mutating func noteReset() {
        if changedPath { removeAll(serverKeepsThem: true) }
        changedPath = false
    }

    /// So many of those evicted first are gone from the server.
    mutating func noteDeallocated(_ count: Int) {
        evicted.removeFirst(min(count, evicted.count))
    }

    private mutating func noteRecent(_ entry: Entry) {
        if recent.count == Self.recentCount { recent.removeFirst() }
        recent.append(entry)
    }

    private mutating func evictOldest() {
        // Linear, but only when a new statement meets a full cache.
        guard let oldest = entries.values.min(by: { $0.lastUse < $1.lastUse }) else { return }
        remove(oldest)
    }
}

/// What a command does to the prepared statements of its session.
private enum Effect {
    case none
    case changesPlans
    case changesPath
    case undoesChanges
    case endsTransaction
    case deallocatesAll

    init(of tag: String, namesPath: @autoclosure () -> Bool) {
        // Each query passes here: nearly all are told apart by their first letter.
        self =
            switch tag.utf8.first {
            case UInt8(ascii: "A") where tag.hasPrefix("ALTER "): .changesPlans
            case UInt8(ascii: "D"):
                switch tag {
                case "DEALLOCATE ALL", "DISCARD ALL": .deallocatesAll
                case "DEALLOCATE": .changesPlans
                case _ where tag.hasPrefix("DROP "): .changesPlans
                default: .none
                }
            case UInt8(ascii: "S") where tag == "SET": namesPath() ? .changesPath : .none
            case UInt8(ascii: "R") where tag == "RESET": .changesPlans
            case UInt8(ascii: "R") where tag == "ROLLBACK": .undoesChanges
            case UInt8(ascii: "C") where tag == "COMMIT": .endsTransaction
            default: .none
            }
    }

    /// Whether the text holds a word, in letters of either case; the word is of small ones.
    ///
    /// Not where it stands behind a single quote: in a literal it is not what a SET names.
    /// Byte by byte: a script may be long.
    static func names(_ word: StaticString, in sql: String) -> Bool {
        var sql = sql
        let quote = UInt8(ascii: "'")
        return sql.withUTF8 { text in
            word.withUTF8Buffer { word in
                guard let first = unsafe word.first, text.count >= word.count else { return false }
                return (0...text.count - word.count).contains { start in
                    guard unsafe text[start] | 0x20 == first else { return false }
                    if start > 0, unsafe text[start - 1] == quote { return false }
                    return (1..<word.count).allSatisfy { unsafe text[start + $0] | 0x20 == word[$0] | 0x20 }
                }
            }
        }
    }
}
