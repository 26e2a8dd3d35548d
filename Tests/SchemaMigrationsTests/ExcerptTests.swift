import Testing

@testable import SchemaMigrations

@Suite struct ExcerptTests {
    struct Place: CustomTestStringConvertible {
        let text: String
        let byte: Int
        let line: Int
        let column: Int
        let caret: String
        var testDescription: String { "byte \(byte) of \(text.debugDescription)" }
    }

    @Test(arguments: [
        Place(text: "abc", byte: 0, line: 1, column: 1, caret: "^"),
        Place(text: "abc", byte: 2, line: 1, column: 3, caret: "  ^"),
        Place(text: "abc", byte: 3, line: 1, column: 4, caret: "   ^"),
        Place(text: "abc", byte: 99, line: 1, column: 4, caret: "   ^"),
        Place(text: "abc", byte: -1, line: 1, column: 1, caret: "^"),
        Place(text: "", byte: 0, line: 1, column: 1, caret: "^"),
        Place(text: "a\nbc\nd", byte: 1, line: 1, column: 2, caret: " ^"),
        Place(text: "a\nbc\nd", byte: 2, line: 2, column: 1, caret: "^"),
        Place(text: "a\nbc\nd", byte: 5, line: 3, column: 1, caret: "^"),
        Place(text: "a\n", byte: 2, line: 2, column: 1, caret: "^"),
        Place(text: "äö x", byte: 5, line: 1, column: 4, caret: "   ^"),
        Place(text: "äö x", byte: 1, line: 1, column: 1, caret: "^"),
        Place(text: "\ta\tb", byte: 3, line: 1, column: 4, caret: "\t \t^"),
        Place(text: "🐞x", byte: 4, line: 1, column: 2, caret: " ^"),
    ])
    func `a byte has a line, a column and a caret`(_ place: Place) {
        let excerpt = SourceExcerpt(of: place.text, byteOffset: place.byte)
        #expect(excerpt.line == place.line)
        #expect(excerpt.column == place.column)
        #expect(excerpt.caret == place.caret)
    }

    @Test func `the server's position counts characters from one`() {
        let text = "SELECT 'ä',\n  b"
        let excerpt = SourceExcerpt(of: text, serverPosition: 15)
        #expect((excerpt.line, excerpt.column) == (2, 3))
        #expect(excerpt.description == "    b\n    ^")
        for (index, position) in zip(text.unicodeScalars.indices, 1...) {
            let byte = text.utf8.distance(from: text.startIndex, to: index)
            #expect(SourceExcerpt(of: text, serverPosition: position) == SourceExcerpt(of: text, byteOffset: byte))
        }
        #expect(SourceExcerpt(of: text, serverPosition: 0).column == 1)
        #expect(SourceExcerpt(of: text, serverPosition: 999).column == 4)
    }

    @Test(arguments: [0, 10, 49, 50, 51, 150, 249, 250, 251, 299, 300])
    func `of a long line the surroundings are shown`(_ offset: Int) throws {
        let line = (0..<300).map { String($0 % 10) }.joined()
        let excerpt = SourceExcerpt(of: "x\n" + line, byteOffset: 2 + offset)
        #expect(excerpt.text.unicodeScalars.count <= SourceExcerpt.width + 2)
        let caret = excerpt.caret.unicodeScalars.count - 1
        let shown = Array(excerpt.text.unicodeScalars)
        if offset < 300 {
            #expect(shown[caret] == Array(line.unicodeScalars)[offset])
        } else {
            #expect(caret == shown.count)
        }
        #expect(excerpt.column == offset + 1)
    }

    @Test func `control characters of a file do not reach the terminal`() {
        #expect(SourceExcerpt(of: "a\u{1B}[31mb\u{7}", byteOffset: 0).text == "a\u{B7}[31mb\u{B7}")
    }

    @Test func `a location prints as compilers do`() {
        #expect(SourceLocation(file: "f.sql").description == "f.sql")
        #expect(SourceLocation(file: "f.sql", line: 3).description == "f.sql:3")
        #expect(SourceLocation(file: "f.sql", line: 3, column: 7).description == "f.sql:3:7")
    }
}

@Suite struct NameTests {
    @Test(
        arguments: [
            ("vmm", nil, "vmm", "vmm"), ("VMM", nil, "vmm", "vmm"), ("a.b", "a", "b", "a.b"),
            ("\"A\".\"b c\"", "A", "b c", "\"A\".\"b c\""), ("\"a\"\"b\"", nil, "a\"b", "\"a\"\"b\""),
            ("ÄB", nil, "Äb", "Äb"), ("_a$1", nil, "_a$1", "_a$1"),
        ] as [(String, String?, String, String)]
    )
    func `a name is read as PostgreSQL reads it`(_ sql: String, _ schema: String?, _ name: String, _ shown: String)
        throws
    {
        let read = try #require(QualifiedName(sql: sql))
        #expect(read == QualifiedName(schema: schema, name: name))
        #expect(read.description == shown)
        #expect(QualifiedName(sql: read.sql) == read)
        #expect(QualifiedName(sql: read.description) == read)
    }

    @Test(arguments: ["", ".", "a.", ".a", "a.b.c", "1a", "$a", "a b", "a;b", "\"a", "\"\"", "\"a\"b", "a\"b\"", "a'"])
    func `what is no name is refused`(_ sql: String) {
        #expect(QualifiedName(sql: sql) == nil)
    }

    @Test func `versions compare by number and print as written`() throws {
        let padded = try #require(MigrationVersion("0002"))
        #expect(try padded == version(2))
        #expect(try padded.hashValue == version(2).hashValue)
        #expect(try padded < version(10))
        #expect("\(padded)" == "0002")
        for bad in ["", "-1", "+1", "1 ", "9223372036854775808", "١"] {
            #expect(MigrationVersion(bad) == nil, "\(bad)")
        }
        #expect(MigrationVersion("000")?.number == 0)
        #expect(MigrationVersion(Int64.max)?.number == .max)
        #expect(MigrationVersion(-3 as Int64) == nil)
    }
}

@Suite struct MigrationTimeTests {
    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000000Z"), (-1, "1969-12-31T23:59:59.999999Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
            (1_709_251_199_123_456, "2024-02-29T23:59:59.123456Z"),
            (4_107_542_400_000_000, "2100-03-01T00:00:00.000000Z"),
            (-62_135_596_800_000_000, "0001-01-01T00:00:00.000000Z"),
            (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
        ] as [(Int64, String)]
    )
    func `a time prints in ISO 8601 and reads back`(_ microseconds: Int64, _ text: String) {
        #expect(MigrationTime(microseconds: microseconds).description == text)
        #expect(MigrationTime(text) == MigrationTime(microseconds: microseconds))
    }

    @Test func `any time prints and reads back`() {
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<2_000 {
            let time = MigrationTime(
                microseconds: .random(in: -62_135_596_800_000_000...253_402_300_799_999_999, using: &generator)
            )
            #expect(MigrationTime(time.description) == time)
        }
        #expect(MigrationTime(microseconds: .max).description == "294247-01-10T04:00:54.775807Z")
        #expect(MigrationTime(microseconds: .min).description.hasPrefix("-290308-"))
    }

    @Test(arguments: [
        "", "2026-02-30T00:00:00.000000Z", "2026-01-01", "2026-01-01T24:00:00.000000Z", "2026-01-01T00:00:00Z",
    ])
    func `what is no time is refused`(_ text: String) {
        #expect(MigrationTime(text) == nil)
    }
}
