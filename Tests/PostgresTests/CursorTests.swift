import Postgres
import TestSupport
import Testing

struct CursorTests {
    @Test func `a cursor fetches in portions, and other statements run between them`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(
                    script: "CREATE TABLE t (n int); INSERT INTO t SELECT generate_series(1, 25)"
                )
                var portions: [[Int32]] = []
                try await connection.withTransaction { connection in
                    try await connection.withCursor("SELECT n FROM t WHERE n > \(Int32(3)) ORDER BY n", fetchSize: 10) {
                        while let rows = try await $0.next() {
                            portions.append(try rows.map { try $0.decode("n") })
                            // Neither delays the cursor nor is seen by it.
                            try await connection.query("DELETE FROM t WHERE n = \(portions.count + 20)")
                        }
                    }
                    let left: Int = try await connection.value(
                        "SELECT count(*) FROM pg_cursors WHERE name LIKE 'cursor%'"
                    )
                    #expect(left == 0)
                }
                #expect(portions == [Array(4...13), Array(14...23), [24, 25]])
                let count: Int = try await connection.value("SELECT count(*) FROM t")
                #expect(count == 22)
            }
        }
    }

    @Test func `a held cursor needs no transaction, and outlives one`() async throws {
        struct Enough: Error {}
        try await withDatabase { database in
            try await database.connect { connection in
                let left: () async throws -> Int = {
                    try await connection.value("SELECT count(*) FROM pg_cursors WHERE name LIKE 'cursor%'")
                }
                try await connection.withCursor("SELECT generate_series(1, \(5))", fetchSize: 3, isHeld: true) {
                    cursor in
                    var numbers: [Int] = []
                    while let rows = try await cursor.next() {
                        numbers += try rows.map { try $0.decode(at: 0) }
                        try await connection.withTransaction { _ in }
                    }
                    #expect(numbers == [1, 2, 3, 4, 5])
                    #expect(try await left() == 1)
                }
                #expect(try await left() == 0)
                await #expect(throws: Enough.self) {
                    try await connection.withCursor("SELECT 1", isHeld: true) { _ in throw Enough() }
                }
                #expect(try await left() == 0)
            }
            let error = try await database.connect({ $0.pooler = .transaction }) { connection in
                try await postgresError { try await connection.withCursor("SELECT 1", isHeld: true) { _ in } }
            }
            #expect(error?.code == .unexpectedResult && error?.message.contains("pooler") == true)
        }
    }

    @Test func `a scrollable cursor goes back, another does not`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.withTransaction { connection in
                    try await connection.withCursor("SELECT generate_series(1, 10)", isScrollable: true) { cursor in
                        var moves = [try await cursor.move(by: 4)]
                        var rows = try await Array(cursor.fetch(2))
                        rows += try await cursor.fetch(-2)
                        #expect(try rows.map { try $0.decode(at: 0, as: Int32.self) } == [5, 6, 5, 4])
                        for count in [-100, 100] { moves.append(try await cursor.move(by: count)) }
                        #expect(moves == [4, 3, 10])
                        #expect(try await cursor.next()?.count == nil)
                    }
                }
                let error = try await postgresError {
                    try await connection.withTransaction { connection in
                        try await connection.withCursor("SELECT 1") { try await $0.fetch(-1) }
                    }
                }
                #expect(error?.sqlState == .objectNotInPrerequisiteState)
            }
        }
    }

    @Test func `a cursor ends with its scope, also one that throws or whose task is cancelled`() async throws {
        struct Enough: Error {}
        try await withDatabase { database in
            try await database.connect { connection in
                let outside = try await postgresError { try await connection.withCursor("SELECT 1") { _ in } }
                #expect(outside?.code == .unexpectedResult && outside?.nothingWasSent == true)
                try await connection.withTransaction { connection in
                    await #expect(throws: Enough.self) {
                        try await connection.withCursor("SELECT 1") { _ in throw Enough() }
                    }
                    let task = Task {
                        try await connection.withCursor("SELECT 1") { _ in try await Task.sleep(for: .seconds(3600)) }
                    }
                    let isOpen = try await eventually {
                        try await connection.value("SELECT count(*) FROM pg_cursors WHERE name LIKE 'cursor%'") == 1
                    }
                    #expect(isOpen)
                    task.cancel()
                    await #expect(throws: CancellationError.self) { try await task.value }
                    let kept = try await connection.withCursor("SELECT 1") { $0 }
                    let left: Int = try await connection.value(
                        "SELECT count(*) FROM pg_cursors WHERE name LIKE 'cursor%'"
                    )
                    #expect(left == 0)
                    let error = try await postgresError {
                        try await connection.withTransaction { _ in try await kept.next() }
                    }
                    #expect(error?.sqlState == SQLState(rawValue: "34000"))
                }
                // One that fails ends with its transaction, and the first error is the one that is told.
                let failed = try await postgresError {
                    try await connection.withTransaction { connection in
                        try await connection.withCursor("SELECT 1 / (2 - n) FROM generate_series(1, 3) n", fetchSize: 1)
                        {
                            while try await $0.next() != nil {}
                        }
                    }
                }
                #expect(failed?.sqlState == SQLState(rawValue: "22012"))
            }
        }
    }
}
