import Testing

@testable import SchemaMigrations

@Suite struct DirectiveTests {
    struct Accepted: CustomTestStringConvertible {
        let text: String
        let kind: StepKind
        var options = StepOptions()
        var testDescription: String { text }
    }

    private static func backfill(_ schema: String? = nil, _ name: String) -> StepKind {
        .backfill(BackfillDirective(table: QualifiedName(schema: schema, name: name)))
    }

    @Test(arguments: [
        Accepted(text: "SELECT 1", kind: .transaction),
        Accepted(text: "-- migrate: no-transaction\nVACUUM t", kind: .noTransaction),
        Accepted(text: "/* licence */\n\n--migrate:no-transaction\nVACUUM t", kind: .noTransaction),
        Accepted(text: "-- Migrate : no-transaction\nVACUUM t", kind: .noTransaction),
        Accepted(text: "-- migrate: backfill table=vmm\nSELECT 1", kind: backfill(nil, "vmm")),
        Accepted(text: "-- migrate: backfill table=Public.VMM\nSELECT 1", kind: backfill("public", "vmm")),
        Accepted(
            text: "-- migrate: backfill table=vmm by=id,\"No\"\nSELECT 1",
            kind: .backfill(BackfillDirective(table: QualifiedName(name: "vmm"), by: ["id", "No"]))
        ),
        Accepted(text: "-- migrate: backfill table=\"My Table\"\nSELECT 1", kind: backfill(nil, "My Table")),
        Accepted(text: "-- migrate: backfill table=s.\"a\"\"b\"\nSELECT 1", kind: backfill("s", "a\"b")),
        Accepted(
            text: "-- migrate: lock-timeout=500ms statement-timeout=5min\nSELECT 1",
            kind: .transaction,
            options: StepOptions(lockTimeout: .milliseconds(500), statementTimeout: .seconds(300))
        ),
        Accepted(
            text: "-- migrate: no-transaction\n-- migrate: lock-timeout=0\nVACUUM t",
            kind: .noTransaction,
            options: StepOptions(lockTimeout: .zero)
        ),
        Accepted(
            text: "-- text\n-- migrate: allow drop-table it is empty\nSELECT 1",
            kind: .transaction,
            options: StepOptions(allowances: [LintAllowance(rule: "drop-table", reason: "it is empty", line: 2)])
        ),
        Accepted(
            text: "-- migrate: allow drop-table\n-- migrate: allow\nSELECT 1",
            kind: .transaction,
            options: StepOptions(allowances: [
                LintAllowance(rule: "drop-table", reason: "", line: 1), LintAllowance(rule: "", reason: "", line: 2),
            ])
        ),
        Accepted(text: "-- migrate the rows of each user\nSELECT 1", kind: .transaction),
        Accepted(text: "-- migrate backfill rows later\nSELECT '\n-- migrate: nonsense'", kind: .transaction),
        Accepted(text: "SELECT $$\n-- migrate: no-transaction\n$$", kind: .transaction),
    ])
    func `directives at the top are understood`(_ accepted: Accepted) throws {
        let step = try step(accepted.text)
        #expect(step.kind == accepted.kind)
        #expect(step.options == accepted.options)
    }

    struct Refused: CustomTestStringConvertible {
        let text: String
        let code: MigrationError.Code
        let place: String
        let says: String
        var testDescription: String { text }
    }

    @Test(arguments: [
        Refused(
            text: "-- migrate: no-transction",
            code: .unknownDirective,
            place: "1:1",
            says: "did you mean \"no-transaction\"?"
        ),
        Refused(
            text: "\n  -- migrate: phse=contract",
            code: .unknownDirective,
            place: "2:3",
            says: "did you mean \"phase\"?"
        ),
        Refused(text: "-- migrate: frobnicate", code: .unknownDirective, place: "1:1", says: "there are: allow"),
        Refused(text: "-- migrate: no-transaction=yes", code: .unknownDirective, place: "1:1", says: "no-transaction"),
        Refused(text: "-- migrate:", code: .invalidDirective, place: "1:1", says: "empty"),
        Refused(text: "-- migrate: phase=later", code: .invalidDirective, place: "1:1", says: "not \"later\""),
        Refused(text: "-- migrate: phase", code: .invalidDirective, place: "1:1", says: "phase"),
        Refused(text: "-- migrate: backfill", code: .invalidDirective, place: "1:1", says: "backfill table=NAME"),
        Refused(text: "-- migrate: backfill table=", code: .invalidDirective, place: "1:1", says: "table=NAME"),
        Refused(text: "-- migrate: backfill table=a.b.c", code: .invalidDirective, place: "1:1", says: "table=NAME"),
        Refused(text: "-- migrate: backfill table=a by=", code: .invalidDirective, place: "1:1", says: "by=COLUMN"),
        Refused(text: "-- migrate: backfill table=a by=b,b", code: .invalidDirective, place: "1:1", says: "by=COLUMN"),
        Refused(text: "-- migrate: backfill table=a by=b.c", code: .invalidDirective, place: "1:1", says: "by=COLUMN"),
        Refused(text: "-- migrate: backfill table=1a", code: .invalidDirective, place: "1:1", says: "table=NAME"),
        Refused(text: "-- migrate: lock-timeout=5", code: .invalidDirective, place: "1:1", says: "unit"),
        Refused(text: "-- migrate: lock-timeout=-5ms", code: .invalidDirective, place: "1:1", says: "not a time"),
        Refused(text: "-- migrate: lock-timeout=0", code: .invalidDirective, place: "1:1", says: "without end"),
        Refused(text: "-- migrate: statement-timeout=25d", code: .invalidDirective, place: "1:1", says: "not a time"),
        Refused(
            text: "-- migrate: statement-timeout=99999999999999999999ms",
            code: .invalidDirective,
            place: "1:1",
            says: "not a time"
        ),
        Refused(
            text: "-- migrate: statement-timeout=2147483648ms",
            code: .invalidDirective,
            place: "1:1",
            says: "not a time"
        ),
        Refused(
            text: "-- migrate: phase=expand\n-- migrate: phase=expand",
            code: .invalidDirective,
            place: "2:1",
            says: "twice"
        ),
        Refused(
            text: "-- migrate: no-transaction\n-- migrate: backfill table=t",
            code: .invalidDirective,
            place: "2:1",
            says: "not both"
        ),
        Refused(text: "-- migrate no-transaction", code: .invalidDirective, place: "1:1", says: "colon"),
        Refused(text: "-- migrate phase=contract", code: .invalidDirective, place: "1:1", says: "colon"),
        Refused(
            text: "SELECT 0;\n  -- migrate: no-transaction",
            code: .misplacedDirective,
            place: "2:3",
            says: "below the first SQL"
        ),
        Refused(
            text: "SELECT 'é' /* x */; -- Migrate: allow a b\n",
            code: .misplacedDirective,
            place: "1:21",
            says: "below the first SQL"
        ),
        Refused(text: "/* migrate: no-transaction */", code: .misplacedDirective, place: "1:1", says: "block comment"),
        Refused(
            text: "SELECT 0; /*\n * migrate: no-transaction */",
            code: .misplacedDirective,
            place: "1:11",
            says: "block comment"
        ),
    ])
    func `a directive without effect is refused with its place`(_ refused: Refused) throws {
        let error = try #require(loadError(["1_a/up.sql": refused.text + "\nSELECT 1"]))
        #expect(error.code == refused.code)
        #expect(error.location?.description == "1_a/up.sql:\(refused.place)")
        #expect(error.description.contains(refused.says), "\(error)")
        #expect(error.excerpt != nil)
    }

    @Test func `the phase is said in the first step only, and companions take no directives`() throws {
        let late = try #require(
            loadError(["1_a/01_x.sql": "SELECT 1", "1_a/02_y.sql": "-- migrate: phase=contract\nSELECT 1"])
        )
        #expect(late.code == .misplacedDirective)
        #expect(late.location?.description == "1_a/02_y.sql:1:1")
        for companion in ["down.sql", "verify.sql"] {
            let error = try #require(
                loadError(["1_a/up.sql": "SELECT 1", "1_a/\(companion)": "-- migrate: no-transaction\nSELECT 1"])
            )
            #expect(error.code == .misplacedDirective)
            #expect(error.message.contains(companion))
        }
    }

    @Test(arguments: [
        ("kitten", "sitting", 3), ("", "abc", 3), ("abc", "abc", 0), ("phase", "phse", 1), ("ab", "ba", 2),
    ])
    func `edit distance counts insertions, deletions and replacements`(_ left: String, _ right: String, _ distance: Int)
    {
        #expect(Spelling.distance(Array(left.utf8), Array(right.utf8)) == distance)
        #expect(Spelling.distance(Array(right.utf8), Array(left.utf8)) == distance)
    }
}
