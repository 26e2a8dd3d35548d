import Metrics
import Tracing

/// Measures and traces statements; there is none when nothing receives metrics nor spans.
///
/// What is bootstrapped is looked up once: asking for each statement would cost more than the rest of a checkout.
final class OperationObserver: Sendable {
    private let tracer: (any Tracer)?
    private let factory: (any MetricsFactory)?
    private let duration: Timer?
    private let namespace: String?
    /// One for each kind of error seen: few.
    private let errors = Lock<[String: Counter]>([:])

    init?(_ configuration: PostgresConfiguration) {
        let factory = MetricsSystem.factory
        self.factory = factory is NOOPMetricsHandler ? nil : factory
        let tracer = InstrumentationSystem.tracer
        self.tracer = tracer is NoOpTracer ? nil : tracer
        guard self.factory != nil || self.tracer != nil else { return nil }
        namespace = configuration.database
        duration = self.factory.map {
            Timer(label: "db.client.operation.duration", dimensions: Self.system, factory: $0)
        }
    }

    private static let system = [("db.system.name", "postgresql")]

    /// Runs a statement, observed when there is an observer.
    @inline(__always)
    static func observe<R, Failure: Error>(
        _ observer: OperationObserver?,
        _ sql: String,
        _ operation: () async throws(Failure) -> R
    ) async throws(Failure) -> R {
        guard let observer else { return try await operation() }
        return try await observer.observe(sql, operation)
    }

    private func observe<R, Failure: Error>(
        _ sql: String,
        _ operation: () async throws(Failure) -> R
    ) async throws(Failure) -> R {
        let start = MonotonicTime.now()
        let span = tracer.map { startSpan($0, QuerySummary.of(sql)) }
        defer { span?.end() }
        do throws(Failure) {
            let value = try await operation()
            record(since: start)
            return value
        } catch {
            record(since: start)
            // Another error is that of the caller's scope, which read rows or wrote them.
            if let error = error as? PostgresError {
                count(error)
                if let span { mark(span, error) }
            }
            throw error
        }
    }

    private func startSpan(_ tracer: any Tracer, _ summary: String) -> any Span {
        let span: any Span = tracer.startSpan(summary.isEmpty ? "postgresql" : summary, ofKind: .client)
        span.attributes["db.system.name"] = "postgresql"
        if let namespace { span.attributes["db.namespace"] = namespace }
        if !summary.isEmpty { span.attributes["db.query.summary"] = summary }
        return span
    }

    private func mark(_ span: any Span, _ error: PostgresError) {
        if let state = error.sqlState { span.attributes["db.response.status_code"] = state.rawValue }
        span.attributes["error.type"] = error.sqlState?.rawValue ?? error.code.description
        // Without the message, which may quote a value ("invalid input syntax for type …").
        span.setStatus(SpanStatus(code: .error))
    }

    private func record(since start: MonotonicTime) {
        duration?.recordNanoseconds(Int64(clamping: MonotonicTime.now().nanoseconds &- start.nanoseconds))
    }

    /// Counts by SQLSTATE class, or by code where the server reported nothing.
    private func count(_ error: PostgresError) {
        guard let factory else { return }
        let kind = error.sqlState.map { String($0.rawValue.prefix(2)) } ?? error.code.description
        let counter = errors.withLock { errors in
            if let counter = errors[kind] { return counter }
            let counter = Counter(
                label: "db.client.operation.errors",
                dimensions: Self.system + [("error.type", kind)],
                factory: factory
            )
            errors[kind] = counter
            return counter
        }
        counter.increment()
    }
}
