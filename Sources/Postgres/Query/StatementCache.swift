/// Which statements a connection has prepared, and which it has seen once.
///
/// A statement is prepared on its second use, so that text used once does not push out what is used often. The cache
/// has a bound: the one unused for longest goes, and is deallocated on the server with the next chance.
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

        init(key: Key, name: String) {
            self.key = key
            self.name = name
        }
    }

    private let capacity: Int
    private var entries: [Key: Entry] = [:]
    private var uses: UInt64 = 0
    private var names: UInt64 = 0
    /// Names that the server still holds and nobody uses.
    private(set) var evicted: [String] = []

    init(capacity: Int) {
        self.capacity = capacity
    }

    /// The statement's entry, and whether it is time to prepare it; nil when it is not to be cached.
    mutating func use(_ query: PostgresQuery) -> (entry: Entry, isSecondUse: Bool)? {
        guard capacity > 0, query.isCacheable else { return nil }
        let key = Key(sql: query.sql, types: query.parameters.types)
        uses += 1
        if let entry = entries[key] {
            entry.lastUse = uses
            return (entry, true)
        }
        if entries.count >= capacity { evictOldest() }
        names += 1
        let entry = Entry(key: key, name: "s\(names)")
        entry.lastUse = uses
        entries[key] = entry
        return (entry, false)
    }

    /// Forgets one statement, whose plan or name the server refused.
    mutating func remove(_ entry: Entry) {
        entries[entry.key] = nil
        if entry.isPrepared { evicted.append(entry.name) }
    }

    mutating func takeEvicted() -> String? {
        evicted.popLast()
    }

    private mutating func evictOldest() {
        // Linear, but only when a new statement meets a full cache.
        guard let oldest = entries.values.min(by: { $0.lastUse < $1.lastUse }) else { return }
        remove(oldest)
    }
}
