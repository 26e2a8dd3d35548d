import Metrics

/// A pool's metrics, named as OpenTelemetry's database conventions have them; nil when nothing receives metrics.
struct PoolMetrics: Sendable {
    private let idle: Meter
    private let used: Meter
    private let pending: Meter
    private let waitTime: Timer
    private let useTime: Timer
    private let createTime: Timer
    private let timeouts: Counter

    init?(poolName: String, factory: any MetricsFactory = MetricsSystem.factory) {
        if factory is NOOPMetricsHandler { return nil }
        let pool = [("db.client.connection.pool.name", poolName)]
        func meter(_ label: String, _ dimensions: [(String, String)] = []) -> Meter {
            Meter(label: label, dimensions: pool + dimensions, factory: factory)
        }
        func timer(_ label: String) -> Timer { Timer(label: label, dimensions: pool, factory: factory) }
        idle = meter("db.client.connection.count", [("db.client.connection.state", "idle")])
        used = meter("db.client.connection.count", [("db.client.connection.state", "used")])
        pending = meter("db.client.connection.pending_requests")
        waitTime = timer("db.client.connection.wait_time")
        useTime = timer("db.client.connection.use_time")
        createTime = timer("db.client.connection.create_time")
        timeouts = Counter(label: "db.client.connection.timeouts", dimensions: pool, factory: factory)
    }

    func show(idle: Int, used: Int, waiting: Int) {
        self.idle.set(idle)
        self.used.set(used)
        pending.set(waiting)
    }

    func waited(_ nanoseconds: UInt64) { waitTime.recordNanoseconds(Int64(clamping: nanoseconds)) }

    func used(_ nanoseconds: UInt64) { useTime.recordNanoseconds(Int64(clamping: nanoseconds)) }

    func created(_ nanoseconds: UInt64) { createTime.recordNanoseconds(Int64(clamping: nanoseconds)) }

    func timedOut(_ count: Int) {
        if count > 0 { timeouts.increment(by: count) }
    }
}
