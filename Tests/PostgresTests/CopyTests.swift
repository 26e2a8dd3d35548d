import Foundation
import Postgres
import TestSupport
import Testing

struct CopyTests {
    @Test func `two hundred thousand typed rows arrive as they were, NULL included`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(
                    script: "CREATE TABLE t (a bigint, b text, c boolean, d uuid, e bytea, f bigint[])"
                )
                let id = UUID()
                let count = try await connection.copy(into: "t") { writer in
                    for number in 0..<200_000 {
                        let text = number.isMultiple(of: 3) ? nil : "text \(number)"
                        try await writer.write(
                            number,
                            text,
                            number.isMultiple(of: 2),
                            id,
                            Data([0, 255]),
                            [number, 1]
                        )
                    }
                    #expect(writer.rowCount == 200_000)
                }
                #expect(count == 200_000)
                try await connection.withRows("SELECT a, b, c, d, f FROM t ORDER BY a") { rows in
                    var expected = 0
                    for try await row in rows {
                        let (number, text, isEven, uuid, array) = try row.decode(
                            Int.self,
                            String?.self,
                            Bool.self,
                            UUID.self,
                            [Int].self
                        )
                        let isRight = number == expected && text == (number.isMultiple(of: 3) ? nil : "text \(number)")
                        #expect(isRight && isEven == number.isMultiple(of: 2) && uuid == id && array == [number, 1])
                        expected += 1
                    }
                    #expect(expected == 200_000)
                }
                let bytes = try await connection.value("SELECT count(*) FROM t WHERE e = '\\x00ff'", as: Int.self)
                #expect(bytes == 200_000)
            }
        }
    }

    @Test func `columns are written in the order given, domains and enums among them`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(
                    script: """
                        CREATE TYPE mood AS ENUM ('happy', 'so so', 'sad'); CREATE DOMAIN percent AS bigint CHECK (value <= 100);
                        CREATE SCHEMA "my schema";
                        CREATE TABLE "my schema"."my ""table" (
                            a int DEFAULT 7, mood mood, share percent, twice bigint GENERATED ALWAYS AS (share * 2) STORED
                        )
                        """
                )
                try await connection.copy(into: "my \"table", schema: "my schema", columns: ["share", "mood"]) {
                    writer in
                    try await writer.write(50, Mood.soSo)
                    try await writer.write(Int?.none, Mood.sad)
                }
                let row = try await connection.query(
                    "SELECT a, mood, twice FROM \"my schema\".\"my \"\"table\" LIMIT 1"
                ).one()
                let (a, mood, twice) = try row.decode(Int32.self, Mood.self, Int.self)
                #expect(a == 7 && mood == .soSo && twice == 100)
            }
        }
    }

    @Test func `a scope that throws leaves no rows`() async throws {
        struct Mine: Error {}
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(script: "CREATE TABLE t (a bigint)")
                do {
                    try await connection.copy(into: "t") { writer in
                        for number in 0..<100_000 { try await writer.write(number) }
                        throw Mine()
                    }
                    Issue.record("the scope's error was lost")
                } catch is Mine {
                    #expect(try await connection.value("SELECT count(*) FROM t", as: Int.self) == 0)
                }
            }
        }
    }

    @Test func `a value of another type names its column and the row can be left out`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(script: "CREATE TABLE t (a integer, b text)")
                let count = try await connection.copy(into: "t") { writer in
                    let type = try await postgresError { try await writer.write(Int64(1), "a") }
                    #expect(type?.code == .encodingFailed)
                    #expect(type?.message == "column \"a\" is of type integer; Int64 cannot be copied into it")
                    let count = try await postgresError { try await writer.write(Int32(1)) }
                    #expect(count?.message == "a row of 1 values was given where 2 columns are copied")
                    try await writer.write(Int32(1), "a")
                }
                #expect(count == 1)
            }
        }
    }

    @Test func `a row that is refused is named by its line`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(script: "CREATE TABLE t (a bigint CHECK (a < 100))")
                let error = try await postgresError {
                    try await connection.copy(into: "t") { writer in
                        for number in 0..<1000 { try await writer.write(number) }
                    }
                }
                #expect(error?.sqlState == .checkViolation)
                #expect(error?.description.hasPrefix("COPY, line 101: ") == true)
                #expect(error?.server?.context?.hasPrefix("COPY t, line 101") == true)
                #expect(try await connection.value("SELECT count(*) FROM t", as: Int.self) == 0)
            }
        }
    }

    /// Pain: an error is seen only after all data was sent.
    @Test func `an error of the server ends the writing early`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(script: "CREATE TABLE t (a bigint PRIMARY KEY)")
                let written = Shared(0)
                let error = try await postgresError {
                    try await connection.copy(into: "t") { writer in
                        for _ in 0..<100_000_000 {
                            try await writer.write(1)
                            written.withLock { $0 += 1 }
                        }
                    }
                }
                #expect(error?.sqlState == .uniqueViolation)
                #expect(written.withLock { $0 } < 99_000_000)
                #expect(try await connection.value("SELECT 1", as: Int32.self) == 1)
            }
        }
    }

    @Test func `notices during a COPY are no error`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(
                    script: """
                        CREATE TABLE t (a bigint);
                        CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS
                            $$BEGIN RAISE NOTICE 'row % %', NEW.a, repeat('x', 1000); RETURN NEW; END$$;
                        CREATE TRIGGER tell BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION tell()
                        """
                )
                let count = try await connection.copy(into: "t") { writer in
                    for number in 0..<50_000 { try await writer.write(number) }
                }
                #expect(count == 50_000)
            }
        }
    }

    @Test func `a missing table or column is the server's error, before the scope runs`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(script: "CREATE TABLE t (a int)")
                let table = try await postgresError {
                    try await connection.copy(into: "u") { _ in Issue.record("ran") }
                }
                let column = try await postgresError {
                    try await connection.copy(into: "t", columns: ["b"]) { _ in Issue.record("ran") }
                }
                #expect(table?.sqlState == .undefinedTable)
                #expect(column?.sqlState?.rawValue == "42703")
                let other = try await postgresError {
                    try await connection.copyIn("SELECT 1") { _ in Issue.record("ran") }
                }
                #expect(other?.code == .unexpectedResult)
            }
        }
    }

    @Test(arguments: [true, false])
    func `a cancelled or late COPY stops the server and leaves no rows`(isTimeout: Bool) async throws {
        try await withDatabase { database in
            try await database.connect { observer in
                try await database.connect { connection in
                    try await connection.execute(script: "CREATE TABLE t (a bigint)")
                    let processID = await connection.backendProcessID
                    let task = Task {
                        try await connection.copy(into: "t", timeout: isTimeout ? .milliseconds(200) : nil) { writer in
                            while true { try await writer.write(1) }
                        }
                    }
                    if !isTimeout {
                        #expect(try await eventually { try await observer.state(ofBackend: processID) == "active" })
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

    @Test func `a COPY that waits for a lock can be cancelled`() async throws {
        try await withDatabase { database in
            try await database.connect { holder in
                try await database.connect { connection in
                    try await connection.execute(script: "CREATE TABLE t (a bigint PRIMARY KEY)")
                    try await holder.withTransaction { holder in
                        try await holder.query("INSERT INTO t VALUES (1)")
                        let task = Task {
                            try await connection.copy(into: "t") { try await $0.write(1) }
                        }
                        #expect(
                            try await eventually {
                                try await holder.value("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
                            }
                        )
                        task.cancel()
                        #expect(try await postgresError { try await task.value }?.code == .cancelled)
                    }
                    #expect(try await connection.value("SELECT count(*) FROM t", as: Int.self) == 1)
                }
            }
        }
    }

    @Test func `bytes go in and come out in the format that the statement names`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(script: "CREATE TABLE t (a int, b text)")
                let csv = "1,one\n2,\"two, too\"\n3,\n"
                let count = try await connection.copyIn("COPY t FROM STDIN (FORMAT csv)") { writer in
                    // Cut in the middle of a row.
                    try await writer.write(Array(csv.utf8.prefix(5)))
                    try await writer.write(Array(csv.utf8.dropFirst(5)))
                }
                #expect(count == 3)
                let read = try await connection.copyOut("COPY t TO STDOUT (FORMAT csv)") { chunks in
                    try await chunks.reduce(into: [UInt8]()) { $0 += $1 }
                }
                #expect(String(decoding: read, as: UTF8.self) == csv)
            }
        }
    }

    @Test func `leaving COPY TO STDOUT early keeps connection and transaction`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                let processID = await connection.backendProcessID
                try await connection.withTransaction { connection in
                    for _ in 0..<3 {
                        try await connection.copyOut("COPY (SELECT generate_series(1, 1000000000)) TO STDOUT") {
                            chunks in
                            for try await chunk in chunks {
                                #expect(chunk == Array("1\n".utf8))
                                break
                            }
                        }
                    }
                    try await connection.query("SELECT 1")
                }
                #expect(await connection.backendProcessID == processID)
            }
        }
    }

    /// Pain: an error in the middle of COPY spins for ever or leaves the connection unusable.
    @Test func `pain 20: an error in the middle of COPY TO STDOUT ends it`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                let error = try await postgresError {
                    try await connection.copyOut(
                        "COPY (SELECT 1 / (5000 - n) FROM generate_series(1, 9000) n) TO STDOUT"
                    ) {
                        for try await _ in $0 {}
                    }
                }
                #expect(error?.sqlState?.rawValue == "22012")
                #expect(try await connection.value("SELECT 1", as: Int32.self) == 1)
                let other = try await postgresError { try await connection.copyOut("SELECT 1") { _ in } }
                #expect(other?.code == .unexpectedResult)
                #expect(try await connection.value("SELECT 1", as: Int32.self) == 1)
            }
        }
    }
}
