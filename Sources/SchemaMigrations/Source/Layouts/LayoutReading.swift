import Dispatch
import Postgres

/// What a layout's reader found.
struct LayoutReading {
    var migrations: [Migration] = []
    var errors: [MigrationError] = []
    var warnings: [SourceWarning] = []

    /// Runs what may fail, and keeps its error with the others.
    mutating func collect(_ body: (inout LayoutReading) throws(MigrationError) -> Void) {
        do throws(MigrationError) {
            try body(&self)
        } catch {
            errors.append(error)
        }
    }

    /// Reads a migration from each item, and keeps them and the errors in the order of the items.
    ///
    /// Opening files is most of what a run with nothing to do takes, and it is the kernel's work, which it does for
    /// several threads at once: `read` is called on as many as there are processors.
    mutating func collect<Item: Sendable>(
        each items: [Item],
        _ read: @Sendable (Item) throws(MigrationError) -> Migration
    ) {
        let size = Self.itemsAtOnce
        let count = (items.count + size - 1) / size
        let parts = Lock([LayoutReading](repeating: LayoutReading(), count: count))
        // A single part is read on this thread.
        DispatchQueue.concurrentPerform(iterations: count) { index in
            var part = LayoutReading()
            part.migrations.reserveCapacity(size)
            for item in items[(index * size)..<min((index + 1) * size, items.count)] {
                part.collect { (part: inout LayoutReading) throws(MigrationError) in
                    part.migrations.append(try read(item))
                }
            }
            parts.withLock { $0[index] = part }
        }
        migrations.reserveCapacity(items.count)
        for part in parts.withLock(\.self) {
            migrations += part.migrations
            errors += part.errors
        }
    }

    /// So many that handing them to a thread costs nothing beside reading them.
    private static let itemsAtOnce = 64

    /// The migrations by version, and of one version by folder.
    var migrationsByVersion: [Migration] {
        let isInOrder = migrations.indices.dropFirst().allSatisfy { Self.precedes(migrations[$0 - 1], migrations[$0]) }
        // Folders are listed by name, which is this order where versions are padded.
        return isInOrder ? migrations : migrations.sorted(by: Self.precedes)
    }

    private static func precedes(_ left: Migration, _ right: Migration) -> Bool {
        left.version == right.version ? left.folder < right.folder : left.version < right.version
    }
}
