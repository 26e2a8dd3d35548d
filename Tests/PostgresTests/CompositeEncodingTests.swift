import Postgres
import TestSupport
import Testing

/// Values of composite types that are sent: the type and its fields are looked up by name.
struct CompositeEncodingTests {
    private struct Disk: PostgresComposite, PostgresCompositeEncodable, Hashable {
        static let compositeName = "disk"
        var name: String?
        var bytes: Int64
        var mood: Mood?
        var tags: [String?]
        var moods: [Mood]
        var parts: [Part?]

        init(
            name: String?,
            bytes: Int64 = 0,
            mood: Mood? = nil,
            tags: [String?] = [],
            moods: [Mood] = [],
            parts: [Part?] = []
        ) {
            (self.name, self.bytes, self.mood, self.tags, self.moods, self.parts) = (
                name, bytes, mood, tags, moods, parts
            )
        }

        init(from fields: inout PostgresCompositeFields) throws(PostgresError) {
            name = try fields.next()
            bytes = try fields.next()
            mood = try fields.next()
            tags = try fields.next()
            moods = try fields.next()
            parts = try fields.next()
        }

        func encode(to fields: inout PostgresCompositeWriter) throws(PostgresError) {
            try fields.append(name)
            try fields.append(bytes)
            try fields.append(mood)
            try fields.append(tags)
            try fields.append(moods)
            try fields.append(parts)
        }
    }

    private struct Part: PostgresComposite, PostgresCompositeEncodable, Hashable {
        static let compositeName = "\"Part\""
        var start: Int32
        var label: String

        init(start: Int32, label: String) { (self.start, self.label) = (start, label) }

        init(from fields: inout PostgresCompositeFields) throws(PostgresError) {
            start = try fields.next()
            label = try fields.next()
        }

        func encode(to fields: inout PostgresCompositeWriter) throws(PostgresError) {
            try fields.append(start)
            try fields.append(label)
        }
    }

    /// A domain and a `varchar` among the fields: their OIDs are not those that the values call themselves.
    private static let definition = """
        CREATE TYPE mood AS ENUM ('happy', 'so so', 'sad');
        CREATE DOMAIN label AS varchar(20) CHECK (VALUE <> 'none');
        CREATE TYPE "Part" AS (start int, label label);
        CREATE TYPE disk AS (name text, bytes bigint, mood mood, tags text[], moods mood[], parts "Part"[]);
        CREATE TABLE t (n bigint GENERATED ALWAYS AS IDENTITY, disk disk, disks disk[]);
        """

    private static func disks() -> [Disk] {
        var generator = SeededGenerator(seed: 91)
        return (0..<300).map { index in
            Disk(
                name: index.isMultiple(of: 3) ? nil : "a,(\"\\ {\(index)}",
                bytes: Int64.random(in: .min ... .max, using: &generator),
                mood: Bool.random(using: &generator) ? nil : Mood.allCases.randomElement(using: &generator),
                tags: index.isMultiple(of: 2) ? [] : [nil, "x", ""],
                moods: (0..<Int.random(in: 0...3, using: &generator)).map { _ in .sad },
                parts: (0..<Int.random(in: 0...3, using: &generator)).map { part in
                    part == 1 ? nil : Part(start: Int32(index), label: "p\(part)")
                }
            )
        }
    }

    @Test func `composites go there and back, alone, in arrays and within each other`() async throws {
        try await withValueConnection { connection in
            try await connection.execute(script: Self.definition)
            let disks = Self.disks()
            for disk in disks {
                try await connection.query("INSERT INTO t (disk, disks) VALUES (\(disk), \([disk, nil]))")
            }
            let rows = try await connection.query("SELECT disk, disks FROM t ORDER BY n")
            for (disk, row) in zip(disks, rows) {
                let (alone, array) = try row.decode(Disk.self, [Disk?].self)
                #expect(alone == disk && array == [disk, nil])
            }
            // As the server itself puts them together from their parts.
            let isSame: Bool = try await connection.value(
                """
                SELECT bool_and(t.disk IS NOT DISTINCT FROM whole)
                FROM t JOIN unnest(\(disks)) WITH ORDINALITY AS u(a, b, c, d, e, f, n) USING (n),
                    LATERAL (SELECT ROW(a, b, c, d, e, f)::disk AS whole) v
                """
            )
            #expect(isSame)
            let text: String = try await connection.value(
                "SELECT (\(Disk(name: "x y", bytes: 7, mood: .soSo, moods: [.sad], parts: [Part(start: 1, label: "l")])))::text"
            )
            #expect(text == #"("x y",7,"so so",{},{sad},"{""(1,l)""}")"#)
            let none: Disk? = nil
            #expect(try await connection.value("SELECT \(none) IS NULL") == true)
        }
    }

    @Test func `they can be copied, streamed for, and sent in pipelines`() async throws {
        try await withValueConnection { connection in
            try await connection.execute(script: Self.definition)
            let disks = Self.disks()
            try await connection.copy(into: "t", columns: ["disk", "disks"]) { writer in
                for disk in disks { try await writer.write(disk, [disk]) }
                // A row that is refused leaves nothing behind.
                var wrong = disks[0]
                wrong.name = "\0"
                let error = try await postgresError { try await writer.write(wrong, [wrong]) }
                #expect(error?.message == "column \"disk\": field 1: a text with a NUL character cannot be stored")
                try await writer.write(disks[0], [Disk]())
            }
            let read: [Disk] = try await connection.query("SELECT disk FROM t ORDER BY n").map { try $0.decode("disk") }
            #expect(read == disks + [disks[0]])
            try await connection.withRows("SELECT \(disks[1])") { rows in
                for try await row in rows { #expect(try row.decode(at: 0, as: Disk.self) == disks[1]) }
            }
            let results = try await connection.pipeline { pipeline in
                disks.prefix(20).map { pipeline.query("SELECT \($0)") }
            }
            for (disk, result) in zip(disks, results) {
                #expect(try result.get().one().decode(at: 0, as: Disk.self) == disk)
            }
        }
    }

    @Test func `what does not fit the type is told before anything is sent`() async throws {
        try await withValueConnection { connection in
            let missing = try await postgresError { try await connection.query("SELECT \(Disk(name: nil))") }
            #expect(
                missing?.message == "parameter $1: the database has no type disk" && missing?.code == .encodingFailed
            )
            try await connection.execute(script: #"CREATE TYPE "Part" AS (start bigint, label text)"#)
            let other = try await postgresError { try await connection.query("SELECT \(Part(start: 1, label: ""))") }
            #expect(
                other?.message
                    == #"parameter $1: field "start" of "Part" is of type bigint, and integer was given"#
            )
            try await connection.execute(script: #"DROP TYPE "Part"; CREATE TYPE "Part" AS (start int)"#)
            connection.types.invalidate()
            let short = try await postgresError { try await connection.query("SELECT \([Part(start: 1, label: "")])") }
            #expect(short?.message == #"parameter $1: "Part" has 1 fields, and 2 were given"#)
            #expect(short?.nothingWasSent == true)
        }
    }

    @Test func `a type that was made anew or changed is looked up again`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                try await connection.execute(script: #"CREATE TYPE "Part" AS (start int, label text)"#)
                let part = Part(start: 1, label: "x")
                for _ in 0..<3 {
                    for _ in 0..<3 { #expect(try await connection.value(#"SELECT \#(part)::"Part""#) == part) }
                    try await database.connect { other in
                        _ = try await other.execute(
                            script: #"DROP TYPE "Part"; CREATE TYPE "Part" AS (start int, label text)"#
                        )
                    }
                }
                // A field's own type changes: the value is refused while it is read.
                try await database.connect { other in
                    _ = try await other.execute(script: #"ALTER TYPE "Part" ALTER ATTRIBUTE label TYPE varchar"#)
                }
                #expect(try await connection.value(#"SELECT \#(part)::"Part""#) == part)
                // In a transaction it is an error once, and the next one works.
                try await database.connect { other in
                    _ = try await other.execute(
                        script: #"DROP TYPE "Part"; CREATE TYPE "Part" AS (start int, label text)"#
                    )
                }
                let error = try await postgresError {
                    try await connection.withTransaction { try await $0.query(#"SELECT \#(part)::"Part""#) }
                }
                #expect(error?.code == .server)
                let read: Part = try await connection.withTransaction {
                    try await $0.value(#"SELECT \#(part)::"Part""#)
                }
                #expect(read == part)
            }
        }
    }
}

/// Errors that name types of the database's own.
struct TypeNameTests {
    @Test func `an error that leaves the scope names the type, and the next one names it at once`() async throws {
        try await withPool {
            $0.maximumConnections = 1
        } _: { pool, _ in
            try await pool.withConnection { connection in
                try await connection.execute(
                    script:
                        "CREATE SCHEMA s; CREATE TYPE s.mood AS ENUM ('sad'); CREATE TYPE pair AS (mood s.mood, n int)"
                )
            }
            let alone = try await postgresError {
                try await pool.withConnection { try await $0.value("SELECT 'sad'::s.mood AS m", as: Int.self) }
            }
            #expect(alone?.message == "column \"m\" has type s.mood, which cannot be read as Int")
            // Known now, also to who reads outside of a scope.
            let known = try await postgresError {
                try await pool.query("SELECT 'sad'::s.mood AS m").one().decode(at: 0, as: Int.self)
            }
            #expect(known?.message == alone?.message)
            let within = try await postgresError {
                try await pool.withConnection { connection in
                    try await connection.withTransaction {
                        try await $0.value("SELECT ARRAY[ROW('sad', 1)::pair] AS p", as: [Pair].self)
                    }
                }
            }
            #expect(within?.message == "column \"p\", row 1: field 1: has type s.mood, which cannot be read as Int")
        }
    }

    private struct Pair: PostgresComposite {
        init(from fields: inout PostgresCompositeFields) throws(PostgresError) {
            _ = try fields.next(as: Int.self)
        }
    }

    @Test func `a connection of its own names types too, also of rows that are streamed`() async throws {
        try await withDatabase { database in
            let error = try await postgresError {
                try await database.connect { connection in
                    try await connection.execute(script: "CREATE DOMAIN small AS int; CREATE TYPE mood AS ENUM ('sad')")
                    try await connection.withRows("SELECT 'sad'::mood AS m") { rows in
                        for try await row in rows { _ = try row.decode(at: 0, as: Bool.self) }
                    }
                }
            }
            #expect(error?.message == "column \"m\" has type mood, which cannot be read as Bool")
        }
    }
}
