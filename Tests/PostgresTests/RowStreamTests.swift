import Foundation
import Postgres
import TestSupport
import Testing

/// The pages that this process holds in memory.
func residentBytes() throws -> Int {
    let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
    return try #require(Int(fields[1])) * 4096
}

struct NumberRow: PostgresRecord {
    static let columnNames = ["n", "text"]
    let number: Int
    let text: String?

    init(from columns: inout PostgresRecordColumns) throws(PostgresError) {
        number = try columns.next()
        text = try columns.next()
    }
}

/// Serialized: one of them measures the memory of the process.
@Suite(.serialized)
struct RowStreamTests {
    @Test func `rows come in order and the connection goes on`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                // Three times: unprepared, prepared anew, prepared.
                for _ in 0..<3 {
                    let count = 5000
                    let sum = try await connection.withRows("SELECT n FROM generate_series(1, \(count)) n") { rows in
                        #expect(rows.columns.map(\.name) == ["n"])
                        var last = 0
                        for try await row in rows {
                            let number = try row.decode("n", as: Int.self)
                            #expect(number == last + 1)
                            last = number
                        }
                        return last
                    }
                    #expect(sum == count)
                }
                #expect(try await connection.preparedStatementCount == 1)
            }
        }
    }

    @Test func `rows are read as records`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                let query: PostgresQuery =
                    "SELECT CASE WHEN n > 1 THEN 'x' || n END AS text, n::bigint FROM generate_series(1, 3) n"
                let read = try await connection.withRows(query) { rows in
                    try await rows.decode(NumberRow.self).reduce(into: []) { $0.append($1) }
                }
                #expect(read.map(\.number) == [1, 2, 3])
                #expect(read.map(\.text) == [nil, "x2", "x3"])
            }
        }
    }

    @Test func `no rows and statements without rows are empty`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                for sql in ["SELECT 1 AS a WHERE false", "CREATE TABLE t (a int)", "INSERT INTO t VALUES (1)"] {
                    let rows = try await connection.withRows(PostgresQuery(unsafeSQL: sql)) { rows in
                        try await rows.reduce(0) { count, _ in count + 1 }
                    }
                    #expect(rows == 0)
                }
                #expect(try await connection.value("SELECT count(*) FROM t", as: Int.self) == 1)
            }
        }
    }

    @Test func `an error in mid-stream is thrown after the rows before it`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                let read = Shared(0)
                let error = try await postgresError {
                    try await connection.withRows("SELECT 1 / (3000 - n) FROM generate_series(1, 5000) n") { rows in
                        for try await _ in rows { read.withLock { $0 += 1 } }
                    }
                }
                #expect(error?.sqlState?.rawValue == "22012")
                #expect(read.withLock { $0 } == 2999)
                #expect(try await connection.value("SELECT 1", as: Int32.self) == 1)
            }
        }
    }

    @Test func `an error before the first row is thrown before the scope runs`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                let error = try await postgresError {
                    try await connection.withRows("SELECT * FROM nowhere") { _ in Issue.record("the scope ran") }
                }
                #expect(error?.sqlState == .undefinedTable)
                #expect(try await connection.value("SELECT 1", as: Int32.self) == 1)
            }
        }
    }

    /// Pain: a result that is abandoned hides the error of its statement.
    @Test func `an error after the rows that were read is not hidden by leaving early`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                let error = try await postgresError {
                    try await connection.withRows("SELECT 1 / (1200 - n) FROM generate_series(1, 1200) n") { rows in
                        for try await _ in rows { break }
                    }
                }
                #expect(error?.sqlState?.rawValue == "22012")
            }
        }
    }

    @Test func `leaving early stops the server and keeps the connection`() async throws {
        try await withDatabase { database in
            try await database.connect { observer in
                try await database.connect { connection in
                    let processID = await connection.backendProcessID
                    for limit in [1, 1024, 5000] {
                        var read = 0
                        try await connection.withRows("SELECT generate_series(1, 1000000000) AS n") { rows in
                            for try await _ in rows {
                                read += 1
                                if read == limit { break }
                            }
                        }
                        #expect(read == limit)
                        #expect(try await observer.state(ofBackend: processID) == "idle")
                        #expect(try await connection.value("SELECT \(limit)", as: Int.self) == limit)
                    }
                    #expect(await connection.backendProcessID == processID)
                }
            }
        }
    }

    @Test func `leaving early keeps the transaction`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(script: "CREATE TABLE t (a int)")
                try await connection.withTransaction { connection in
                    try await connection.query("INSERT INTO t VALUES (1)")
                    try await connection.withRows("SELECT generate_series(1, 1000000000) AS n") { rows in
                        for try await _ in rows { break }
                    }
                    try await connection.withRows("SELECT 1") { rows in for try await _ in rows {} }
                    try await connection.query("INSERT INTO t VALUES (2)")
                }
                #expect(try await connection.value("SELECT count(*) FROM t", as: Int.self) == 2)
            }
        }
    }

    @Test func `the error of the scope is thrown and the connection goes on`() async throws {
        struct Mine: Error {}
        try await withDatabase { database in
            try await database.connect { connection in
                do {
                    try await connection.withRows("SELECT generate_series(1, 1000000000) AS n") { rows in
                        for try await _ in rows { throw Mine() }
                    }
                    Issue.record("the scope's error was lost")
                } catch is Mine {
                    #expect(try await connection.value("SELECT 1", as: Int32.self) == 1)
                }
            }
        }
    }

    @Test(arguments: ["SELECT generate_series(1, 1000000000)", "SELECT 'a' UNION ALL SELECT pg_sleep(60)::text"])
    func `a cancelled reader stops the server and keeps the connection`(sql: String) async throws {
        try await withDatabase { database in
            try await database.connect { observer in
                try await database.connect { connection in
                    let processID = await connection.backendProcessID
                    let task = Task {
                        try await connection.withRows(PostgresQuery(unsafeSQL: sql)) { rows in
                            for try await _ in rows {}
                        }
                    }
                    #expect(try await eventually { try await observer.state(ofBackend: processID) == "active" })
                    task.cancel()
                    let error = try await postgresError { try await task.value }
                    #expect(error?.code == .cancelled)
                    #expect(try await observer.state(ofBackend: processID) == "idle")
                    #expect(await connection.backendProcessID == processID)
                }
            }
        }
    }

    @Test func `the timeout covers reading the rows`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                let query: PostgresQuery = "SELECT generate_series(1, 1000000000) AS n"
                let error = try await postgresError {
                    try await connection.withRows(query, timeout: .milliseconds(200)) { rows in
                        for try await _ in rows {}
                    }
                }
                #expect(error?.code == .deadlineExceeded)
                #expect(try await connection.value("SELECT 1", as: Int32.self) == 1)
            }
        }
    }

    @Test func `rows used after their scope throw`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                let (leaked, reading) = try await connection.withRows("SELECT n FROM generate_series(1, 10) n") {
                    rows in
                    var iterator = rows.makeAsyncIterator()
                    _ = try await iterator.next()
                    return (rows, iterator)
                }
                var iterator = reading
                let begun = try await postgresError { try await iterator.next() }
                let anew = try await postgresError { for try await _ in leaked {} }
                #expect(begun?.code == .connectionReturned)
                #expect(anew?.code == .connectionReturned)
            }
        }
    }

    @Test func `rows can be read once`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                let error = try await postgresError {
                    try await connection.withRows("SELECT 1") { rows in
                        for try await _ in rows {}
                        for try await _ in rows {}
                    }
                }
                #expect(error?.code == .unexpectedResult)
            }
        }
    }

    @Test func `another statement within the scope is an error, not a deadlock`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.withRows("SELECT n FROM generate_series(1, 3) n") { rows in
                    var count = 0
                    for try await _ in rows {
                        count += 1
                        let error = try await postgresError { try await connection.query("SELECT 1") }
                        #expect(error?.code == .unexpectedResult)
                        #expect(error?.nothingWasSent == true)
                    }
                    #expect(count == 3)
                }
                try await connection.query("SELECT 1")
            }
        }
    }

    @Test func `a lost connection ends the rows with an error`() async throws {
        try await withDatabase { database in
            try await database.connect { observer in
                let connection = try await PostgresConnection.connect(to: database.configuration)
                let processID = await connection.backendProcessID
                let error = try await postgresError {
                    try await connection.withRows("SELECT generate_series(1, 1000000000)") { rows in
                        var count = 0
                        for try await _ in rows {
                            count += 1
                            if count == 10 { try await observer.query("SELECT pg_terminate_backend(\(processID))") }
                        }
                    }
                }
                #expect(error?.code == .connectionClosed)
                #expect(await connection.isClosed)
            }
        }
    }

    @Test func `a migration under a streamed statement heals`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(script: "CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
                for _ in 0..<3 {
                    try await connection.withRows("SELECT * FROM t") { rows in for try await _ in rows {} }
                }
                try await connection.execute(script: "ALTER TABLE t ADD b text DEFAULT 'new'")
                for _ in 0..<3 {
                    let columns = try await connection.withRows("SELECT * FROM t") { rows in
                        for try await row in rows { #expect(try row.decode("b", as: String.self) == "new") }
                        return rows.columns.count
                    }
                    #expect(columns == 2)
                }
            }
        }
    }

    /// Pain: a result of any size is held in memory.
    @Test func `a million rows take no more memory than a few`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                func read(_ count: Int) async throws -> Int {
                    try await connection.withRows(
                        "SELECT n, repeat('x', 100) AS text FROM generate_series(1::bigint, \(count)) n"
                    ) { rows in
                        var sum = 0
                        for try await row in rows.decode(NumberRow.self) { sum += row.number }
                        return sum
                    }
                }
                _ = try await read(20_000)
                let before = try residentBytes()
                #expect(try await read(1_000_000) == 500_000_500_000)
                #expect(try residentBytes() - before < 32 << 20)
            }
        }
    }
}
