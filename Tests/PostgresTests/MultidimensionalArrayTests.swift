import Postgres
import TestSupport
import Testing

struct MultidimensionalArrayTests {
    private func random(_ generator: inout SeededGenerator) -> PostgresArray<Int?>? {
        let dimensions = (0..<Int.random(in: 0...6, using: &generator)).map { _ in
            PostgresArray<Int?>.Dimension(
                count: Int32.random(in: 1...3, using: &generator),
                lowerBound: Bool.random(using: &generator) ? 1 : Int32.random(in: -5...5, using: &generator)
            )
        }
        let count = dimensions.isEmpty ? 0 : dimensions.reduce(1) { $0 * Int($1.count) }
        let elements = (0..<count).map { _ in
            Bool.random(using: &generator) ? nil : Int.random(in: -99...99, using: &generator)
        }
        return PostgresArray(elements, dimensions: dimensions)
    }

    @Test func `arrays of up to six dimensions survive with NULLs and lower bounds`() async throws {
        var generator = SeededGenerator(seed: 70)
        try await withValueConnection { connection in
            for _ in 0..<500 {
                let value = try #require(random(&generator))
                let row = try await connection.query(
                    "SELECT \(value), array_dims(\(value)), \(value)::text::bigint[], cardinality(\(value))"
                ).one()
                let (read, dims, parsed, count) = try row.decode(
                    PostgresArray<Int?>.self,
                    String?.self,
                    PostgresArray<Int?>.self,
                    Int.self
                )
                #expect(read == value && parsed == value && count == value.elements.count)
                let expected = value.dimensions.map { "[\($0.lowerBound):\($0.lowerBound + $0.count - 1)]" }.joined()
                #expect((dims ?? "") == expected)
            }
        }
    }

    @Test func `arrays of enums go as text, whatever their dimensions`() async throws {
        let value = try #require(
            PostgresArray<Mood?>(
                [.happy, .soSo, nil, .sad, .sad, .happy, nil, nil],
                dimensions: [.init(count: 2), .init(count: 2, lowerBound: 0), .init(count: 2)]
            )
        )
        try await withValueConnection { connection in
            try await connection.execute(script: "CREATE TYPE mood AS ENUM ('happy', 'so so', 'sad')")
            let read: PostgresArray<Mood?> = try await connection.value("SELECT \(value)::mood[]")
            #expect(read == value)
            let rows = try #require(PostgresArray(rows: [[Mood.happy, .sad], [.sad, .soSo]]))
            let same: PostgresArray<Mood> = try await connection.value("SELECT \(rows)::mood[]")
            #expect(same.rows == [[.happy, .sad], [.sad, .soSo]])
            let empty: PostgresArray<Mood> = try await connection.value("SELECT '{}'::mood[]")
            #expect(empty.dimensions.isEmpty && empty.rows == [])
        }
    }

    @Test func `elements are found by the server's indices`() async throws {
        let array = try #require(
            PostgresArray(
                [1, 2, 3, 4, 5, 6],
                dimensions: [.init(count: 2, lowerBound: 5), .init(count: 3, lowerBound: -1)]
            )
        )
        try await withValueConnection { connection in
            for row in 4...7 {
                for column in -2...2 {
                    let theirs: Int? = try await connection.value("SELECT (\(array)::bigint[])[\(row)][\(column)]")
                    #expect(array[row, column] == theirs)
                }
            }
        }
        #expect(array[5] == nil && array[] == nil && array[5, -1, 1] == nil && array[.min, .max] == nil)
    }

    @Test func `dimensions that do not fit are none`() {
        #expect(PostgresArray([1], dimensions: []) == nil)
        #expect(PostgresArray([Int](), dimensions: [.init(count: 0)]) == nil)
        #expect(PostgresArray([1], dimensions: [.init(count: -1), .init(count: -1)]) == nil)
        #expect(PostgresArray([1], dimensions: [.init(count: 1, lowerBound: .max)]) == nil)
        #expect(PostgresArray([1], dimensions: Array(repeating: .init(count: 1), count: 7)) == nil)
        #expect(PostgresArray([1, 2], dimensions: Array(repeating: .init(count: .max), count: 6)) == nil)
        #expect(PostgresArray(rows: [[1], [1, 2]]) == nil)
        #expect(PostgresArray<Int>(rows: [])?.dimensions.isEmpty == true)
    }

    @Test func `arrays of every constant's type are known to the server alike`() async throws {
        try await withValueConnection { connection in
            let rows = try await connection.query(
                """
                SELECT t.oid, t.typarray, format_type(t.oid, NULL) FROM pg_type t
                WHERE t.oid < 16384 AND t.typarray <> 0
                """
            )
            var known = 0
            for row in rows {
                let (oid, array, name) = try row.decode(UInt32.self, UInt32.self, String.self)
                guard let element = PostgresType(rawValue: array).elementType else { continue }
                known += 1
                #expect(element.rawValue == oid)
                #expect(element.description == name)
                #expect(PostgresType(rawValue: array).description == name + "[]")
            }
            #expect(known == 44)
        }
    }
}
