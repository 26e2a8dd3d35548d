import Postgres
import TestSupport
import Testing

/// `cidr`, `macaddr`, `macaddr8`, and `real`, which is as small.
struct NetworkCodecTests {
    @Test func `networks print as the server prints them`() async throws {
        var generator = SeededGenerator(seed: 50)
        let random = (0..<600).compactMap { index -> PostgresCIDR? in
            let prefix = Int.random(in: 0...(index.isMultiple(of: 2) ? 32 : 128), using: &generator)
            let bytes = (0..<(index.isMultiple(of: 2) ? 4 : 16)).map { byte -> UInt8 in
                let bits = min(8, max(0, prefix - byte * 8))
                return UInt8.random(in: 0...255, using: &generator) & ~UInt8(truncatingIfNeeded: 0xFF >> bits)
            }
            return PostgresInet(bytes: bytes, prefixLength: UInt8(prefix)).flatMap { PostgresCIDR($0) }
        }
        let fixed = ["0.0.0.0/0", "10.0.0.0/8", "10.0.0.1/32", "::/0", "fd00::/8", "::1/128", "::ffff:10.0.0.0/104"]
            .compactMap { PostgresCIDR($0) }
        #expect(random.count == 600 && fixed.count == 7)
        try await withValueConnection { connection in
            try await PostgresCIDR.expectRoundTrips(fixed + random, as: "cidr", on: connection)
        }
    }

    @Test(arguments: ["10.0.0.1/8", "10.0.0.1/31", "fd00::1/64", "10.0.0.0/33", "x", ""])
    func `a network with bits behind its prefix is none`(text: String) {
        #expect(PostgresCIDR(text) == nil)
    }

    @Test func `hardware addresses survive`() async throws {
        var generator = SeededGenerator(seed: 51)
        func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) } }
        let short = (0..<500).compactMap { _ in PostgresMACAddress(bytes: bytes(6)) }
        let long = (0..<500).compactMap { _ in PostgresMACAddress8(bytes: bytes(8)) }
        try await withValueConnection { connection in
            try await PostgresMACAddress.expectRoundTrips(short, as: "macaddr", on: connection)
            try await PostgresMACAddress8.expectRoundTrips(
                long + short.map { .init($0) },
                as: "macaddr8",
                on: connection
            )
            let widened = try await connection.query("SELECT v::macaddr8 FROM unnest(\(short)) AS t(v)")
            for (value, row) in zip(short, widened) { #expect(try row.decode(at: 0) == PostgresMACAddress8(value)) }
        }
        #expect(PostgresMACAddress("08-00-2B-01-02-03")?.description == "08:00:2b:01:02:03")
        for text in [
            "", "08:00:2b:01:02", "08:00:2b:01:02:03:04", "+8:00:2b:01:02:03", "8:0:2b:1:2:3", "08:00:2b:01:02:0g",
        ] {
            #expect(PostgresMACAddress(text) == nil)
        }
    }

    @Test func `single-precision numbers survive bit by bit`() async throws {
        var generator = SeededGenerator(seed: 52)
        let values =
            [0, -0.0, .infinity, .pi, .leastNonzeroMagnitude, .greatestFiniteMagnitude]
            + (0..<500).map { _ in Float(bitPattern: UInt32.random(in: 0 ... .max, using: &generator)) }.filter {
                !$0.isNaN
            }
        try await withValueConnection { connection in
            let rows = try await connection.query(
                "SELECT v, v::text FROM unnest(\(values)) WITH ORDINALITY AS t(v, n) ORDER BY n"
            )
            for (value, row) in zip(values, rows) {
                let (read, text) = try row.decode(Float.self, String.self)
                #expect(read.bitPattern == value.bitPattern)
                #expect(Float(text.replacing("Infinity", with: "inf")) == value)
            }
            let error = try await postgresError {
                try await connection.value("SELECT 1.5::float8 AS f", as: Float.self)
            }
            #expect(error?.message == "column \"f\" has type double precision, which cannot be read as Float")
        }
    }
}
