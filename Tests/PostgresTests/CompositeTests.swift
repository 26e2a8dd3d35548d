import Postgres
import TestSupport
import Testing

struct CompositeTests {
    private struct Disk: PostgresComposite, Hashable {
        let name: String?
        let bytes: Int64
        let mood: Mood?
        let tags: [String?]

        init(name: String?, bytes: Int64, mood: Mood?, tags: [String?]) {
            self.name = name
            self.bytes = bytes
            self.mood = mood
            self.tags = tags
        }

        init(from fields: inout PostgresCompositeFields) throws(PostgresError) {
            name = try fields.next()
            bytes = try fields.next()
            mood = try fields.next()
            tags = try fields.next()
        }
    }

    private static let definition = """
        CREATE TYPE mood AS ENUM ('happy', 'so so', 'sad');
        CREATE TYPE disk AS (name text, bytes bigint, mood mood, tags text[]);
        """

    @Test func `composites are read field by field, alone and in arrays`() async throws {
        var generator = SeededGenerator(seed: 80)
        let disks = (0..<500).map { index in
            Disk(
                name: index.isMultiple(of: 3) ? nil : "a,(\"\\ \(index)",
                bytes: Int64.random(in: .min ... .max, using: &generator),
                mood: Mood.allCases.randomElement(using: &generator),
                tags: index.isMultiple(of: 2) ? [] : [nil, "x"]
            )
        }
        try await withValueConnection { connection in
            try await connection.execute(script: Self.definition + "CREATE TABLE t (disk disk)")
            for disk in disks {
                try await connection.query(
                    "INSERT INTO t VALUES (ROW(\(disk.name), \(disk.bytes), \(disk.mood)::mood, \(disk.tags))::disk)"
                )
            }
            let array: [Disk] = try await connection.value("SELECT array_agg(disk ORDER BY ctid) FROM t")
            #expect(array == disks)
            let rows = try await connection.query("SELECT disk FROM t ORDER BY ctid")
            for (disk, row) in zip(disks, rows) { #expect(try row.decode("disk") == disk) }
            let none: Disk? = try await connection.value("SELECT NULL::disk")
            #expect(none == nil)
            let record: Disk = try await connection.value("SELECT ROW('n'::text, 1::bigint, 'sad'::mood, '{}'::text[])")
            #expect(record == Disk(name: "n", bytes: 1, mood: .sad, tags: []))
        }
    }

    @Test func `a newer field at the end is ignored, another type is named`() async throws {
        try await withValueConnection { connection in
            try await connection.execute(script: Self.definition + "ALTER TYPE disk ADD ATTRIBUTE more int")
            let disk: Disk = try await connection.value("SELECT ROW('n', 1, 'sad', '{}', 7)::disk")
            #expect(disk.bytes == 1)
            for (sql, message) in [
                ("ROW('n'::text, 'x'::text)", "field 2: has type text, which cannot be read as Int64"),
                ("ROW('n'::text, NULL::bigint)", "field 2: the value is NULL, which Int64 cannot hold"),
                ("ROW('n'::text)", "the composite has only 1 fields"),
            ] {
                let error = try await postgresError {
                    try await connection.value("SELECT \(unsafeSQL: sql) AS d", as: Disk.self)
                }
                #expect(error?.message == "column \"d\", row 1: \(message)")
            }
        }
    }

    @Test func `the catalog finds types by name and by OID, and forgets them when told`() async throws {
        try await withValueConnection { connection in
            try await connection.execute(script: Self.definition)
            let catalog = PostgresTypeCatalog()
            let mood = try #require(try await catalog.type(named: "public.mood", on: connection))
            #expect(mood.kind == .enumeration && mood.schema == "public" && mood.name == "mood")
            #expect(mood.labels == ["happy", "so so", "sad"] && mood.fields.isEmpty && mood.elementType == nil)
            let arrayType = try #require(mood.arrayType)
            let array = try #require(try await catalog.type(arrayType, on: connection))
            #expect(array.elementType == mood.type && array.name == "_mood")
            let disk = try #require(try await catalog.type(named: "disk", on: connection))
            #expect(disk.kind == .composite && disk.fields.map(\.name) == ["name", "bytes", "mood", "tags"])
            #expect(disk.fields.map(\.type) == [.text, .int8, mood.type, .textArray])
            #expect(try await catalog.type(named: "nothing", on: connection) == nil)
            #expect(try await catalog.type(PostgresType(rawValue: .max), on: connection) == nil)
            #expect(try await catalog.type(named: "integer", on: connection)?.type == .int4)
            #expect(try await catalog.type(.int4Range, on: connection)?.kind == .range)
            // What it is made of came with it.
            #expect(try await catalog.type(.textArray, on: connection)?.sqlName == "text[]")

            try await connection.execute(
                script:
                    "DROP TYPE disk; DROP TYPE mood; CREATE TYPE mood AS ENUM ('new'); CREATE TYPE nothing AS ENUM ()"
            )
            #expect(try await catalog.type(named: "public.mood", on: connection) == mood)
            #expect(try await catalog.type(named: "nothing", on: connection) != nil)
            catalog.invalidate()
            let anew = try #require(try await catalog.type(named: "public.mood", on: connection))
            #expect(anew.type != mood.type && anew.labels == ["new"])
            #expect(try await catalog.type(mood.type, on: connection) == nil)
        }
    }
}
