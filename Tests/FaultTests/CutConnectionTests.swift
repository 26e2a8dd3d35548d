import Postgres
import SchemaMigrations
import TestSupport
import Testing

/// Connections that break at every place where they can.
@Suite struct CutConnectionTests {
    /// Every request with its answer swallowed; in a full run, each message too that does not arrive, and each request
    /// whose answer is the last that does.
    private static let sides: [CuttingProxy.Side] = FaultRun.isFull ? [.after, .before, .answered] : [.after]

    @Test(arguments: sides)
    func `a run that is cut at any message ends, run again, in the same schema and rows`(_ side: CuttingProxy.Side)
        async throws
    {
        try await Laboratory.withProxy { laboratory, proxied, proxy in
            // Beside what is shipped, a step outside a transaction.
            let source = try Laboratory.source(
                rows: 600,
                and: [
                    "0004_index/up.sql":
                        "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY by_port ON vmm (propolis_port)"
                ]
            )
            _ = try await laboratory.migrator(source, batchPages: 3).up()
            let expected = try await laboratory.state()
            #expect(
                expected.bookkeeping.contains {
                    $0.contains("04_backfill backfill applied") && $0.hasSuffix("30 rows")
                }
            )
            #expect(expected.bookkeeping.contains { $0.hasPrefix("4/") && $0.contains(" applied ") })

            var number = 0
            var broken = 0
            repeat {
                number += 1
                try await laboratory.reset()
                proxy.cut(side, side == .before ? .message(number) : .request(number))
                let cut = try await outcome { try await Laboratory.migrator(source, proxied, batchPages: 3).up() }
                if case .failure(let error) = cut {
                    broken += 1
                    #expect([.connectionLost, .lockLost, .cannotConnect].contains(error.code), "\(number): \(error)")
                }
                _ = try await laboratory.migrator(source, batchPages: 3).up()
                #expect(try await laboratory.state() == expected, "cut \(side) \(number)")
            } while proxy.hasCut
            // Fewer would mean that the proxy does not see the run.
            #expect(number > 60)
            FaultRun.tell(
                "`migrate up` cut \(Self.words(side))",
                "\(number - 1) cuts: \(broken) runs broken off, \(number - 1 - broken) went on by themselves; all ended, "
                    + "run again, in the same schema and rows"
            )
        }
    }

    private static func words(_ side: CuttingProxy.Side) -> String {
        switch side {
        case .before: "before each message arrives"
        case .answered: "after each request, its answer received"
        case .after: "after each request, its answer swallowed"
        }
    }

    @Test(arguments: [
        "CREATE TYPE vmm_failure_reason", "ADD COLUMN IF NOT EXISTS failure_reason", "VALIDATE CONSTRAINT",
    ])
    func `a COMMIT whose answer is lost is found to have happened, and the run goes on`(_ text: String) async throws {
        try await Laboratory.withProxy { laboratory, proxied, proxy in
            let source = try Laboratory.source(rows: 100)
            proxy.cut(.after, .commit(behind: text))
            let result = try await Laboratory.migrator(source, proxied).up()
            #expect(proxy.hasCut)
            #expect(result.steps.count == 8)
            #expect(result.completed.map(\.number) == [1, 2, 3])
        }
    }

    @Test func `a COMMIT that did not reach the server is found to be rolled back, and the next run goes on`()
        async throws
    {
        try await Laboratory.withProxy { laboratory, proxied, proxy in
            let source = try Laboratory.source(rows: 100)
            proxy.cut(.before, .commit(behind: "ADD COLUMN IF NOT EXISTS failure_reason"))
            let cut = try await outcome { try await Laboratory.migrator(source, proxied).up() }
            #expect(proxy.hasCut)
            guard case .failure(let error) = cut else {
                Issue.record("the run succeeded")
                return
            }
            #expect(error.code == .connectionLost)
            #expect(error.message.contains("02_add_column"))
            #expect(error.message.contains("rolled it back"))
            #expect(try await laboratory.migrator(source).up().steps.first?.step == "02_add_column")
        }
    }

    @Test func `a batch whose COMMIT is not answered is neither lost nor counted twice`() async throws {
        try await Laboratory.withProxy { laboratory, proxied, proxy in
            let source = try Laboratory.source(rows: 600)
            for side in [CuttingProxy.Side.before, .after] {
                try await laboratory.reset()
                proxy.cut(side, .commit(behind: "ctid >= '(3,0)'"))
                let cut = try await outcome { try await Laboratory.migrator(source, proxied, batchPages: 3).up() }
                #expect(proxy.hasCut)
                guard case .failure(let error) = cut else {
                    Issue.record("the run succeeded")
                    return
                }
                #expect(error.code == .connectionLost)
                _ = try await laboratory.migrator(source, batchPages: 3).up()
                let rows: Int64 = try await laboratory.value("SELECT sum(rows)::int8 FROM migrate_history")
                #expect(rows == 30)
            }
        }
    }

    @Test func `a run that loses all its connections at any event ends, run again, in the same schema and rows`()
        async throws
    {
        try await Laboratory.withProxy { laboratory, proxied, proxy in
            let source = try Laboratory.source(rows: 600)
            _ = try await laboratory.migrator(source, batchPages: 3).up()
            let expected = try await laboratory.state()
            var wanted = 0
            var hasCut = true
            while hasCut {
                wanted += 1
                try await laboratory.reset()
                let events = Counter()
                let number = wanted
                let cut = try await outcome {
                    try await Laboratory.migrator(source, proxied, batchPages: 3).up { _ in
                        if events.next() == number { proxy.cutAll() }
                    }
                }
                hasCut = events.value >= wanted
                if hasCut, case .success = cut { Issue.record("event \(wanted): a run without connections succeeded") }
                _ = try await laboratory.migrator(source, batchPages: 3).up()
                #expect(try await laboratory.state() == expected, "cut at event \(wanted)")
            }
        }
    }
}
