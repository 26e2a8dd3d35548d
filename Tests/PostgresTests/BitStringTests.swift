import Postgres
import TestSupport
import Testing

struct BitStringTests {
    @Test func `bit strings of all lengths go there and back as the server prints them`() async throws {
        var generator = SeededGenerator(seed: 90)
        let values = (0..<400).map { length in
            PostgresBitString((0..<length).map { _ in Bool.random(using: &generator) })
        }
        try await withValueConnection { connection in
            try await PostgresBitString.expectRoundTrips(values, as: "varbit", on: connection)
            for value in values.prefix(40) where value.count > 0 {
                let row = try await connection.query(
                    "SELECT \(value)::bit(\(unsafeSQL: "\(value.count)")), \(value.description)::bit(\(unsafeSQL: "\(value.count)"))"
                ).one()
                let (sent, printed) = try row.decode(PostgresBitString.self, PostgresBitString.self)
                #expect(sent == value && printed == value)
            }
            try await connection.execute(script: "CREATE TABLE t (b bit(3))")
            try await connection.query("INSERT INTO t VALUES (\(PostgresBitString([true, false, true])))")
            #expect(try await connection.value("SELECT b FROM t") == PostgresBitString([true, false, true]))
            let error = try await postgresError {
                try await connection.query("INSERT INTO t VALUES (\(PostgresBitString([true])))")
            }
            #expect(error?.server?.message == "bit string length 1 does not match type bit(3)")
        }
    }

    @Test func `bits are counted from the first`() throws {
        let value = try #require(PostgresBitString("1011000001"))
        #expect(value.count == 10 && value.bytes == [0b1011_0000, 0b0100_0000])
        #expect((0..<10).map { value[$0] } == value.bits && value.bits.last == true)
        #expect(value[-1] == nil && value[10] == nil)
        #expect(PostgresBitString("102") == nil)
        #expect(PostgresBitString("")?.bytes == [])
        // What stands behind the last bit is no part of the value.
        #expect(PostgresBitString(bytes: [0xFF], count: 3) == PostgresBitString("111"))
        #expect(PostgresBitString(bytes: [0xFF], count: 9) == nil && PostgresBitString(bytes: [], count: -1) == nil)
    }

    @Test(
        arguments: [[], [0, 0, 0], [0, 0, 0, 9, 0xFF], [0, 0, 0, 8], [0x80, 0, 0, 0], [0, 0, 0, 1, 0, 0]] as [[UInt8]]
    )
    func `bytes that are no bit string are an error`(bytes: [UInt8]) {
        #expect(throws: PostgresError.self) {
            try decode(bytes, as: PostgresBitString.self, type: .varbit)
        }
    }
}
