import InMemoryTracing
import Metrics
import MetricsTestKit
import TestSupport
import Testing
import Tracing

@testable import Postgres

struct ObservabilityTests {
    private let pool = [("db.client.connection.pool.name", "main")]

    @Test func `a pool tells its size, waits, uses and time-outs`() async throws {
        let metrics = TestMetrics()
        try await withDatabase { database in
            var options = PostgresPool.Options()
            options.name = "main"
            options.maximumConnections = 1
            options.acquireTimeout = .milliseconds(50)
            let configuration = try database.configuration
            let pool = withMetricsFactory(metrics) { PostgresPool(configuration, options) }
            // Open: connecting on a busy machine takes longer than this pool waits.
            _ = try await eventually { (try? await pool.fill(1)) != nil }
            try await pool.withConnection { connection in
                #expect(try count("used", metrics) == 1)
                #expect(try await postgresError { try await pool.query("SELECT 1") }?.code == .poolTimeout)
                _ = try await postgresError { try await connection.query("SELECT 1 / 0") }
            }
            #expect(try count("used", metrics) == 0)
            #expect(try count("idle", metrics) == 1)
            #expect(try metrics.expectCounter("db.client.connection.timeouts", self.pool).totalValue >= 1)
            let pending = try metrics.expectMeter("db.client.connection.pending_requests", self.pool)
            #expect(pending.values.contains(1) && pending.lastValue == 0)
            for (label, count) in [("wait_time", 2), ("use_time", 2), ("create_time", 1)] {
                #expect(try metrics.expectTimer("db.client.connection.\(label)", self.pool).values.count == count)
            }
            let system = [("db.system.name", "postgresql")]
            #expect(try metrics.expectTimer("db.client.operation.duration", system).values.count == 1)
            let errors = try metrics.expectCounter("db.client.operation.errors", system + [("error.type", "22")])
            #expect(errors.totalValue == 1)
            await pool.shutDown()
        }
    }

    private func count(_ state: String, _ metrics: TestMetrics) throws -> Double? {
        try metrics.expectMeter(
            "db.client.connection.count",
            pool + [("db.client.connection.state", state)]
        ).lastValue
    }

    @Test func `a statement is a span with its table, its outcome and no value`() async throws {
        let tracer = InMemoryTracer()
        let secret = "hunter2"
        try await withDatabase { database in
            let configuration = try database.configuration
            let pool = withTracer(tracer) { PostgresPool(configuration) }
            try await pool.withConnection { connection in
                try await connection.execute(script: "CREATE TABLE account (name text PRIMARY KEY)")
                try await connection.query("INSERT INTO account VALUES (\(secret))")
                _ = try await postgresError { try await connection.query("INSERT INTO account VALUES (\(secret))") }
            }
            try await pool.query("SELECT * FROM account WHERE name = 'hunter2'")
            await pool.shutDown()
            let spans = tracer.finishedSpans
            #expect(
                spans.map(\.operationName)
                    == ["CREATE account", "INSERT account", "INSERT account", "SELECT account"]
            )
            #expect(spans.allSatisfy { $0.kind == .client })
            #expect(spans.allSatisfy { $0.attributes["db.system.name"]?.toSpanAttribute() == .string("postgresql") })
            #expect(spans.allSatisfy { $0.attributes["db.namespace"]?.toSpanAttribute() == .string(database.name) })
            #expect(spans.map { $0.status?.code } == [nil, nil, .error, nil])
            #expect(spans[2].attributes["db.response.status_code"]?.toSpanAttribute() == .string("23505"))
            for span in spans {
                var shown = ""
                dump(span, to: &shown)
                #expect(!shown.contains(secret))
            }
        }
    }

    @Test func `transactions, pipelines, streams and COPY are spans too`() async throws {
        let tracer = InMemoryTracer()
        try await withDatabase { database in
            let configuration = try database.configuration
            let pool = withTracer(tracer) { PostgresPool(configuration) }
            try await pool.withTransaction { connection in
                try await connection.execute(script: "CREATE TABLE t (n int)")
                try await connection.withTransaction { connection in
                    _ = try await connection.pipeline { $0.query("INSERT INTO t VALUES (1)") }
                }
            }
            try await pool.withConnection { connection in
                try await connection.withRows("SELECT n FROM t") { rows in for try await _ in rows {} }
                try await connection.copy(into: "t") { try await $0.write(Int32(2)) }
                try await connection.copyIn("COPY t FROM STDIN") { try await $0.write(Array("3\n".utf8)) }
                try await connection.copyOut("COPY t TO STDOUT") { chunks in for try await _ in chunks {} }
                _ = try await postgresError {
                    try await connection.withTransaction { _ = try await $0.query("SELECT 1 / 0") }
                }
            }
            await pool.shutDown()
            let expected = [
                "BEGIN", "CREATE t", "SAVEPOINT", "PIPELINE", "RELEASE", "COMMIT", "SELECT t", "COPY \"t\"",
                "COPY STDIN", "COPY",
                "BEGIN", "SELECT", "ROLLBACK",
            ]
            #expect(tracer.finishedSpans.map(\.operationName) == expected)
        }
    }

    @Test(arguments: [
        ("SELECT 1", "SELECT"),
        ("  select id, name\nfrom vmm v join sled s on s.id = v.sled_id", "SELECT vmm"),
        ("/* hot */ UPDATE ONLY \"my table\" SET a = 1 -- FROM b", "UPDATE \"my table\""),
        ("INSERT INTO public.t VALUES ('FROM secret')", "INSERT public.t"),
        ("SELECT ' FROM secret ' FROM t", "SELECT"),
        ("SELECT E'\\' FROM secret'", "SELECT"),
        ("SELECT $$ FROM secret $$", "SELECT"),
        ("DELETE FROM t WHERE a = 'x'", "DELETE t"),
        ("CREATE TABLE IF NOT EXISTS t (a int)", "CREATE t"),
        ("BEGIN", "BEGIN"),
        ("WITH gone AS (DELETE FROM t RETURNING *) SELECT 1", "WITH t"),
        ("-- only a comment", ""),
        ("/* no end", ""),
        ("", ""),
    ])
    func `a summary has the first word and the table, never a literal`(sql: String, summary: String) {
        #expect(QuerySummary.of(sql) == summary)
    }

    @Test func `nothing observes where nothing is bootstrapped`() throws {
        #expect(OperationObserver(try PostgresConfiguration("dbname=d")) == nil)
        #expect(PoolMetrics(poolName: "main") == nil)
    }
}
