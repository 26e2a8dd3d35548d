import Postgres
import TestSupport
import Testing

struct PipelineTests {
    @Test func `results come in the order of the statements, typed`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(script: "CREATE TABLE t (n bigint, text text)")
                let (inserted, read, count) = try await connection.pipeline { pipeline in
                    (
                        pipeline.query("INSERT INTO t VALUES (1, 'a'), (2, NULL)"),
                        pipeline.query("SELECT n, text FROM t ORDER BY n", as: NumberRow.self),
                        pipeline.query("SELECT count(*) FROM t WHERE n > \(1)")
                    )
                }
                #expect(try inserted.get().commandTag.rowCount == 2)
                #expect(try read.get().map(\.text) == ["a", nil])
                #expect(try count.get().one().decode(at: 0, as: Int.self) == 1)
            }
        }
    }

    @Test func `statements of one text are prepared within the pipeline`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                for _ in 0..<2 {
                    let results = try await connection.pipeline { pipeline in
                        (0..<100).map { pipeline.query("SELECT \($0) * 2") }
                    }
                    let numbers = try results.map { try $0.get().one().decode(at: 0, as: Int.self) }
                    #expect(numbers == (0..<100).map { $0 * 2 })
                    #expect(try await connection.preparedStatementCount == 1)
                }
            }
        }
    }

    @Test func `a pipeline of no statements is no error`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.pipeline { _ in }
                try await connection.query("SELECT 1")
            }
        }
    }

    @Test func `the error is that of the statement that failed, and all is undone`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(script: "CREATE TABLE t (a bigint PRIMARY KEY)")
                // With prepared statements too.
                for _ in 0..<2 {
                    var results: [PostgresPipelineResult<PostgresRows>] = []
                    let error = try await postgresError {
                        try await connection.pipeline { pipeline in
                            for key in [1, 2, 1, 3] {
                                results.append(pipeline.query("INSERT INTO t VALUES (\(key))"))
                            }
                        }
                    }
                    #expect(error?.sqlState == .uniqueViolation)
                    #expect(error?.description.hasPrefix("statement 3 of 4 in the pipeline: duplicate key") == true)
                    #expect(try results[1].get().commandTag.rowCount == 1)
                    let own = try await postgresError { try results[2].get() }
                    let after = try await postgresError { try results[3].get() }
                    #expect(own?.sqlState == .uniqueViolation)
                    #expect(after?.code == .notExecuted)
                    #expect(after?.message.contains("statement 3 had failed") == true)
                    #expect(try await connection.value("SELECT count(*) FROM t", as: Int.self) == 0)
                }
            }
        }
    }

    @Test func `statements that keep others commit one by one`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(script: "CREATE TABLE t (a bigint PRIMARY KEY)")
                let results = try await connection.pipeline(onFailure: .keepOthers) { pipeline in
                    [1, 2, 1, 3].map { pipeline.query("INSERT INTO t VALUES (\($0))") }
                }
                let error = try await postgresError { try results[2].get() }
                #expect(error?.sqlState == .uniqueViolation)
                #expect(try results[3].get().commandTag.rowCount == 1)
                #expect(try await connection.value("SELECT count(*) FROM t", as: Int.self) == 3)
            }
        }
    }

    @Test func `a statement that cannot be prepared fails for its own reason each time`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                let results = try await connection.pipeline(onFailure: .keepOthers) { pipeline in
                    (0..<4).map { pipeline.query("SELECT \($0) FROM nowhere") }
                }
                for result in results {
                    #expect(try await postgresError { try result.get() }?.sqlState == .undefinedTable)
                }
                let good = try await connection.pipeline { $0.query("SELECT 1") }
                #expect(try good.get().count == 1)
            }
        }
    }

    @Test(arguments: [PostgresPipeline.FailureMode.rollBackAll, .keepOthers])
    func `a constraint that is checked at the commit is an error`(mode: PostgresPipeline.FailureMode) async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(script: "CREATE TABLE t (a int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
                var last: PostgresPipelineResult<PostgresRows>?
                let error = try await postgresError {
                    last = try await connection.pipeline(onFailure: mode) { pipeline in
                        pipeline.query("INSERT INTO t VALUES (1), (2)")
                        return pipeline.query("INSERT INTO t VALUES (2)")
                    }
                }
                let own = try await postgresError { try last?.get() }
                #expect((mode == .rollBackAll ? error : own)?.sqlState == .uniqueViolation)
                let count = try await connection.value("SELECT count(*) FROM t", as: Int.self)
                #expect(count == (mode == .rollBackAll ? 0 : 2))
            }
        }
    }

    @Test func `a commit that failed is told, also of a statement whose rows could not be read`() async throws {
        struct Number: PostgresRecord {
            static let columnNames = ["a"]
            let text: String
            init(from columns: inout PostgresRecordColumns) throws(PostgresError) { text = try columns.next() }
        }
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(
                    script: "CREATE TABLE t (a int UNIQUE DEFERRABLE INITIALLY DEFERRED); INSERT INTO t VALUES (1)"
                )
                let (bad, good) = try await connection.pipeline(onFailure: .keepOthers) { pipeline in
                    (
                        pipeline.query("INSERT INTO t VALUES (1) RETURNING a", as: Number.self),
                        pipeline.query("INSERT INTO t VALUES (2) RETURNING a", as: Number.self)
                    )
                }
                #expect(try await postgresError { try bad.get() }?.sqlState == .uniqueViolation)
                #expect(try await postgresError { try good.get() }?.code == .decodingFailed)
                #expect(try await connection.value("SELECT sum(a) FROM t", as: Int.self) == 3)
            }
        }
    }

    @Test func `inside a transaction a pipeline is a part of it`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(script: "CREATE TABLE t (a int)")
                try await connection.withTransaction { connection in
                    try await connection.pipeline { pipeline in
                        for _ in 0..<3 { pipeline.query("INSERT INTO t VALUES (1)") }
                    }
                }
                let error = try await postgresError {
                    try await connection.withTransaction { connection in
                        try await connection.pipeline { $0.query("INSERT INTO t VALUES (2)") }
                        _ = try await postgresError { try await connection.pipeline { $0.query("SELECT 1/0") } }
                    }
                }
                #expect(error?.code == .transactionRolledBack)
                #expect(error?.suppressed.first?.sqlState?.rawValue == "22012")
                #expect(try await connection.value("SELECT count(*) FROM t", as: Int.self) == 3)
            }
        }
    }

    /// Pain: both ends are full, and each waits for the other to read.
    @Test func `pain 13: large parameters and results in large numbers do not lock up`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                let text = String(repeating: "x", count: 10 << 10)
                let results = try await connection.pipeline { pipeline in
                    (0..<5000).map { pipeline.query("SELECT \($0), \(text)") }
                }
                for (index, result) in results.enumerated() {
                    let (number, echo) = try result.get().one().decode(Int.self, String.self)
                    #expect(number == index && echo.utf8.count == text.utf8.count)
                }
            }
        }
    }

    @Test func `a failure among statements that are not sent yet keeps them from being sent`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                let text = String(repeating: "x", count: 100 << 10)
                let error = try await postgresError {
                    try await connection.pipeline { pipeline in
                        pipeline.query("SELECT 1 / 0")
                        for _ in 0..<500 { pipeline.query("SELECT \(text)") }
                    }
                }
                #expect(error?.sqlState?.rawValue == "22012")
                #expect(try await connection.value("SELECT 1", as: Int32.self) == 1)
            }
        }
    }

    @Test(arguments: [true, false])
    func `stopped in the middle, the server stops and all is undone`(isTimeout: Bool) async throws {
        try await withDatabase { database in
            try await database.connect { observer in
                try await database.connect { connection in
                    try await connection.execute(script: "CREATE TABLE t (a int)")
                    let processID = await connection.backendProcessID
                    let task = Task {
                        try await connection.pipeline(timeout: isTimeout ? .milliseconds(300) : nil) { pipeline in
                            pipeline.query("INSERT INTO t VALUES (1)")
                            pipeline.query("SELECT pg_sleep(60)")
                            pipeline.query("INSERT INTO t VALUES (2)")
                        }
                    }
                    if !isTimeout {
                        #expect(try await eventually { try await observer.isSleeping(processID) })
                        task.cancel()
                    }
                    let error = try await postgresError { try await task.value }
                    #expect(error?.code == (isTimeout ? .deadlineExceeded : .cancelled))
                    #expect(try await observer.state(ofBackend: processID) == "idle")
                    #expect(try await connection.value("SELECT count(*) FROM t", as: Int.self) == 0)
                    #expect(await connection.backendProcessID == processID)
                }
            }
        }
    }

    /// Pain: a pipeline that was stopped between two statements commits those before.
    @Test func `random cancels leave all or nothing`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(script: "CREATE TABLE t (round int, text text)")
                let text = String(repeating: "x", count: 20 << 10)
                var generator = SeededGenerator(seed: 7)
                for round in 0..<60 {
                    let task = Task {
                        try await connection.pipeline { pipeline in
                            for _ in 0..<100 {
                                pipeline.query("INSERT INTO t VALUES (\(Int32(round)), \(text))")
                            }
                        }
                    }
                    try await Task.sleep(for: .microseconds(Int.random(in: 0...15_000, using: &generator)))
                    task.cancel()
                    let error = try await postgresError { try await task.value }
                    let count: Int = try await connection.value("SELECT count(*) FROM t WHERE round = \(Int32(round))")
                    #expect(count == (error == nil ? 100 : 0))
                    #expect(error == nil || error?.code == .cancelled)
                }
            }
        }
    }

    @Test func `a lost connection fails the statement under way and those after it`() async throws {
        try await withDatabase { database in
            let connection = try await PostgresConnection.connect(to: database.configuration)
            let processID = await connection.backendProcessID
            var last: PostgresPipelineResult<PostgresRows>?
            let error = try await postgresError {
                try await connection.pipeline { pipeline in
                    pipeline.query("SELECT pg_terminate_backend(\(processID))")
                    last = pipeline.query("SELECT 1")
                }
            }
            #expect(error?.code == .connectionClosed)
            #expect(await connection.isClosed)
            #expect(try await postgresError { try last?.get() } != nil)
        }
    }

    @Test func `a migration under a pipeline heals outside a transaction`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(script: "CREATE TABLE t (a int); CREATE TABLE log (n int)")
                func run() async throws -> Int {
                    try await connection.pipeline { pipeline in
                        pipeline.query("INSERT INTO log VALUES (1)")
                        return pipeline.query("SELECT * FROM t")
                    }.get().columns.count
                }
                for _ in 0..<3 { #expect(try await run() == 1) }
                try await connection.execute(script: "ALTER TABLE t ADD b int")
                for _ in 0..<3 { #expect(try await run() == 2) }
                #expect(try await connection.value("SELECT count(*) FROM log", as: Int.self) == 6)
            }
        }
    }

    @Test func `COPY in a pipeline costs the connection, not the caller`() async throws {
        try await withDatabase { database in
            let connection = try await PostgresConnection.connect(to: database.configuration)
            try await connection.execute(script: "CREATE TABLE t (a int)")
            let error = try await postgresError {
                try await connection.pipeline { $0.query("COPY t FROM STDIN") }
            }
            #expect(error != nil)
            #expect(await connection.isClosed)
        }
    }

    @Test func `a parameter that cannot be sent keeps all from being sent`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                let error = try await postgresError {
                    try await connection.pipeline { pipeline in
                        pipeline.query("CREATE TABLE t ()")
                        pipeline.query("SELECT \("a\0b")")
                    }
                }
                #expect(error?.code == .encodingFailed)
                #expect(error?.nothingWasSent == true)
                #expect(try await connection.value("SELECT to_regclass('t') IS NULL", as: Bool.self))
            }
        }
    }

    @Test func `arrays of a hundred thousand elements are bound for unnest`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(script: "CREATE TABLE t (a bigint, b text)")
                let numbers = Array(1...100_000)
                let texts = numbers.map { $0.isMultiple(of: 10) ? nil : "text \($0)" }
                try await connection.query("INSERT INTO t SELECT * FROM unnest(\(numbers), \(texts))")
                let row = try await connection.query("SELECT sum(a)::bigint, count(b) FROM t").one()
                let (sum, count) = try row.decode(Int.self, Int.self)
                #expect(sum == 5_000_050_000 && count == 90_000)
            }
        }
    }

    @Test func `a table altered in a pipeline is read with its new shape, and with its old one when that was undone`()
        async throws
    {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(script: "CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
                let select: PostgresQuery = "SELECT * FROM t"
                for _ in 0..<3 { try await connection.query(select) }
                try await connection.withTransaction { connection in
                    try await connection.pipeline { _ = $0.query("ALTER TABLE t ADD b int") }
                    // A plan of before would abort the transaction.
                    let columns = try await connection.query(select).columns
                    #expect(columns.count == 2)
                }
                // Prepared within the pipeline, by a shape that is undone with it.
                let other: PostgresQuery = "SELECT * FROM t WHERE true"
                let error = try await postgresError {
                    try await connection.pipeline { pipeline in
                        pipeline.query("ALTER TABLE t ADD c int")
                        for _ in 0..<3 { pipeline.query(other) }
                        pipeline.query("SELECT 1 / 0")
                    }
                }
                #expect(error?.sqlState == SQLState(rawValue: "22012"))
                try await connection.withTransaction { connection in
                    let columns = try await connection.query(other).columns
                    #expect(columns.count == 2)
                }
            }
        }
    }
}
