import TestSupport
import Testing

/// The checker of histories has to find what is wrong, or it proves nothing.
@Suite struct `The checker of histories` {
    private static let running = RowVersion(1, "running")
    private static let stopped = RowVersion(3, "stopped")
    private static let deleted = RowVersion(3, "stopped", isDeleted: true)

    /// Two writers and a deletion; the first writer is told late that it was overtaken, and one answer is lost.
    private static let right = RowHistory(
        row: "r",
        versions: [running, stopped, deleted],
        calls: [
            RowCall(caller: 0, began: 1, ended: 9, .update(generation: 2, contents: "failed"), .refused(now: stopped)),
            RowCall(caller: 1, began: 2, ended: 4, .update(generation: 3, contents: "stopped"), .lost),
            RowCall(
                caller: 1,
                began: 5,
                ended: 6,
                .update(generation: 3, contents: "stopped"),
                .alreadyMade(now: stopped)
            ),
            RowCall(caller: 2, began: 7, ended: 8, .delete, .made(before: stopped)),
            RowCall(caller: 3, began: 9, ended: 10, .delete, .alreadyMade(now: deleted)),
            RowCall(
                caller: 3,
                began: 11,
                ended: 12,
                .update(generation: 9, contents: "running"),
                .deleted(now: deleted)
            ),
            RowCall(
                caller: 4,
                began: 3,
                ended: 13,
                .replace(contents: "failed off", sparing: ["failed"]),
                .deleted(now: deleted)
            ),
        ]
    )

    private static let mistakes:
        [(name: String, rule: HistoryViolation.Rule, make: @Sendable (inout RowHistory) -> Void)] = [
            ("a generation goes back", .generationsGrow, { $0.versions[1].generation = 1 }),
            ("a deleted row is written", .generationsGrow, { $0.versions.append(RowVersion(4, "running")) }),
            ("a deletion changes the state", .generationsGrow, { $0.versions[2].contents = "failed" }),
            ("a version breaks the rule", .reasonIffFailed, { $0.versions[1].isConsistent = false }),
            (
                "a write out of nothing", .everyVersionWasAskedFor,
                { $0.versions.insert(RowVersion(2, "failed off"), at: 1) }
            ),
            ("a lost update", .exactlyOnce, { $0.calls[0].answer = .made(before: running) }),
            (
                "a write acknowledged twice", .exactlyOnce,
                { history in
                    history.calls[1].answer = .made(before: running)
                    history.calls[2].answer = .made(before: running)
                }
            ),
            ("a wrong row before", .exactlyOnce, { $0.calls[3].answer = .made(before: running) }),
            ("stale by an older row", .answersFollow, { $0.calls[0].answer = .refused(now: running) }),
            ("already applied, by another row", .answersFollow, { $0.calls[2].answer = .alreadyMade(now: running) }),
            ("deleted while live", .answersFollow, { $0.calls[5].answer = .deleted(now: stopped) }),
            ("spared, by another row", .answersFollow, { $0.calls[6].answer = .refused(now: stopped) }),
            (
                "replaced, and not spared", .everyVersionWasAskedFor,
                { history in
                    history.versions.insert(RowVersion(2, "stopping"), at: 1)
                    history.calls[6].request = .replace(contents: "stopping", sparing: ["running"])
                    history.calls[6].answer = .made(before: running)
                }
            ),
            (
                "replaced twice", .exactlyOnce,
                { history in
                    history.versions.insert(RowVersion(2, "failed off"), at: 1)
                    history.calls[6].answer = .made(before: running)
                    history.calls.append(history.calls[6])
                }
            ),
            (
                "replaced by a later generation", .everyVersionWasAskedFor,
                { history in
                    history.versions.insert(RowVersion(3, "failed off"), at: 1)
                    history.versions[2].generation = 4
                    history.versions[3].generation = 4
                    history.calls[6].answer = .lost
                }
            ),
            ("a row that never was", .answersWereTrue, { $0.calls[0].answer = .refused(now: RowVersion(7, "ghost")) }),
            (
                "an answer from the past", .answersWereTrue,
                { history in (history.calls[0].began, history.calls[0].ended) = (12, 13) }
            ),
            (
                "an answer from the future", .answersWereTrue,
                { history in (history.calls[4].began, history.calls[4].ended) = (3, 4) }
            ),
        ]

    @Test func `a history that can have been passes`() {
        #expect(Self.right.violation() == nil)
        #expect(Self.right.report == nil)
    }

    @Test(arguments: mistakes.indices)
    func `each mistake is found, and shrinks to what shows it`(index: Int) throws {
        let mistake = Self.mistakes[index]
        var wrong = Self.right
        mistake.make(&wrong)
        #expect(wrong.violation()?.rule == mistake.rule, "\(mistake.name): \(String(describing: wrong.violation()))")
        let shrunk = wrong.shrunk()
        #expect(shrunk.violation()?.rule == mistake.rule)
        #expect(shrunk.calls.count + shrunk.versions.count < wrong.calls.count + wrong.versions.count)
        #expect(wrong.report?.contains("row r") == true)
    }

    @Test func `every rule has a mistake`() {
        #expect(Set(Self.mistakes.map(\.rule)) == Set(HistoryViolation.Rule.allCases))
    }
}
