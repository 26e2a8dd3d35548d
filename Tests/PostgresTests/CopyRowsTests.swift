import Foundation
import TestSupport
import Testing

@testable import Postgres

struct CopyRowsTests {
    private struct Values: Equatable {
        var number: Int64?
        var text: String?
        var bytes: Data?
        var amount: PostgresNumeric?
        var list: [Int32?]
        var mood: Mood?
    }

    @Test func `rows come back as they were written and as the server prints them`() async throws {
        var generator = SeededGenerator(seed: 92)
        let values = (0..<3000).map { index in
            Values(
                number: index.isMultiple(of: 7) ? nil : Int64.random(in: .min ... .max, using: &generator),
                text: index.isMultiple(of: 5)
                    ? nil : String(repeating: "ä\n", count: Int.random(in: 0...20, using: &generator)),
                bytes: index.isMultiple(of: 3) ? nil : Data((0..<index % 300).map { UInt8(truncatingIfNeeded: $0) }),
                amount: PostgresNumeric("\(Int32.random(in: .min ... .max, using: &generator)).\(index)"),
                list: index.isMultiple(of: 2) ? [] : [nil, Int32(index)],
                mood: Mood.allCases.randomElement(using: &generator)
            )
        }
        try await withValueConnection { connection in
            try await connection.execute(
                script: """
                    CREATE TYPE mood AS ENUM ('happy', 'so so', 'sad');
                    CREATE TABLE t (
                        n bigint GENERATED ALWAYS AS IDENTITY,
                        number bigint, text text, bytes bytea, amount numeric, list int[], mood mood
                    )
                    """
            )
            let columns = ["number", "text", "bytes", "amount", "list", "mood"]
            try await connection.copy(into: "t", columns: columns) { writer in
                for value in values {
                    try await writer.write(value.number, value.text, value.bytes, value.amount, value.list, value.mood)
                }
            }
            var read: [Values] = []
            // A comment at the end hides nothing of the COPY.
            let query: PostgresQuery = """
                SELECT number, text, bytes, amount, list, mood, number::text, amount::text FROM t ORDER BY n -- all
                """
            try await connection.copyRows(query) { rows in
                #expect(rows.columns.map(\.name) == columns + ["number", "amount"])
                for try await row in rows {
                    let (number, text, bytes, amount, list, mood, numberText, amountText) = try row.decode(
                        Int64?.self,
                        String?.self,
                        Data?.self,
                        PostgresNumeric?.self,
                        [Int32?].self,
                        Mood?.self,
                        String?.self,
                        String?.self
                    )
                    #expect(numberText == number?.description && amountText == amount?.description)
                    read.append(
                        Values(number: number, text: text, bytes: bytes, amount: amount, list: list, mood: mood)
                    )
                }
            }
            try #require(read.count == values.count)
            #expect(zip(read, values).filter { $0 != $1 }.isEmpty)
        }
    }

    @Test func `columns are read by name and position, and what does not fit is named`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.copyRows("VALUES (1, NULL::text), (2, 'x')") { rows in
                    var texts: [String?] = []
                    for try await row in rows {
                        #expect(try row.decode("column1", as: Int32.self) == row.decode(at: 0))
                        texts.append(try row.decode(at: 1))
                    }
                    #expect(texts == [nil, "x"])
                }
                for (types, message) in [
                    (0, "column \"a\" has type integer, which cannot be read as String"),
                    (1, "column \"b\", row 2: the value is NULL, which String cannot hold"),
                    (2, "the COPY has 2 columns where 1 were expected"),
                ] {
                    let error = try await postgresError {
                        try await connection.copyRows(
                            "SELECT a, CASE a WHEN 1 THEN 'x' END AS b FROM generate_series(1, 2) a"
                        ) {
                            for try await row in $0 {
                                switch types {
                                case 0: _ = try row.decode(String.self, String?.self)
                                case 1: _ = try row.decode(Int32.self, String.self)
                                default: _ = try row.decode(Int32.self)
                                }
                            }
                        }
                    }
                    #expect(error?.message == message && error?.code == .decodingFailed)
                }
            }
        }
    }

    @Test func `leaving early stops the server, in a transaction too`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.withTransaction { connection in
                    try await connection.query("CREATE TABLE t (n int)")
                    try await connection.copyRows("SELECT generate_series(1, 1000000000)") { rows in
                        for try await row in rows where try row.decode(Int32.self) == 10 { break }
                    }
                    try await connection.query("INSERT INTO t VALUES (1)")
                }
                let count: Int = try await connection.value("SELECT count(*) FROM t")
                #expect(count == 1)
            }
        }
    }

    @Test func `statements that cannot be copied are refused, and the connection goes on`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(script: "CREATE TABLE t (n int)")
                let bound = try await postgresError { try await connection.copyRows("SELECT \(1)") { _ in } }
                #expect(bound?.code == .encodingFailed && bound?.nothingWasSent == true)
                let silent = try await postgresError {
                    try await connection.copyRows("INSERT INTO t VALUES (1)") { _ in }
                }
                #expect(silent?.code == .unexpectedResult && silent?.message == "the statement has no rows to copy")
                let wrong = try await postgresError { try await connection.copyRows("SELECT nothing") { _ in } }
                #expect(wrong?.sqlState == SQLState(rawValue: "42703"))
                let late = try await postgresError {
                    try await connection.copyRows("SELECT 1 / (3 - n) FROM generate_series(1, 5) n") { rows in
                        for try await _ in rows {}
                    }
                }
                #expect(late?.sqlState == SQLState(rawValue: "22012"))
                let returned: Int32 = try await connection.copyRows("INSERT INTO t VALUES (7) RETURNING n") { rows in
                    var number: Int32 = 0
                    for try await row in rows { number = try row.decode(Int32.self) }
                    return number
                }
                #expect(returned == 7)
                let count: Int = try await connection.value("SELECT count(*) FROM t")
                #expect(count == 1)
            }
        }
    }

    private static let form: [UInt8] =
        CopyRowParser.signature + [0, 0, 0, 0, 0, 0, 0, 2, 9, 9] + [0, 2, 0, 0, 0, 1, 65, 0xFF, 0xFF, 0xFF, 0xFF]
        + [0, 2, 0, 0, 0, 0, 0, 0, 0, 2, 66, 67] + [0xFF, 0xFF]

    @Test(arguments: [1, 2, 3, 7, 1000])
    func `the form is read wherever the bytes are cut`(size: Int) throws {
        var parser = CopyRowParser(columnCount: 2)
        var rows: [[[UInt8]?]] = []
        for start in stride(from: 0, to: Self.form.count, by: size) {
            parser.append(Array(Self.form[start..<min(start + size, Self.form.count)]))
            while let (bytes, fields) = try parser.next() { rows.append(fields.map { $0.map { Array(bytes[$0]) } }) }
        }
        try parser.expectEnd()
        #expect(rows == [[[65], nil], [[], [66, 67]]])
    }

    @Test func `what is no such form is an error, and never a trap`() throws {
        var generator = SeededGenerator(seed: 93)
        var failures = 0
        for _ in 0..<20_000 {
            var bytes = Self.form
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                bytes[index] = UInt8.random(in: .min ... .max, using: &generator)
            }
            if Bool.random(using: &generator) { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &generator)) }
            var parser = CopyRowParser(columnCount: 2)
            parser.append(bytes)
            do throws(PostgresError) {
                while try parser.next() != nil {}
                try parser.expectEnd()
            } catch {
                #expect(error.code == .decodingFailed)
                failures += 1
            }
        }
        #expect(failures > 10_000)
    }
}
