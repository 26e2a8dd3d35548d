extension PostgresPool {
    /// How many connections a pool keeps, for how long, and what callers may expect.
    ///
    /// ```swift
    /// var options = PostgresPool.Options()
    /// options.maximumConnections = 16
    /// options.acquireTimeout = .seconds(5)
    /// let pool = PostgresPool(configuration, options)
    /// ```
    public struct Options: Sendable {
        /// How many connections there are at most, at least 1.
        ///
        /// Default 10.
        public var maximumConnections = 10
        /// How many connections are kept although nobody uses them; opened with the first use or by ``PostgresPool/run()``.
        ///
        /// Default 0.
        public var minimumConnections = 0
        /// How many connections are kept ready beside those in use, so that a caller need not wait for one to be opened;
        /// as far as ``maximumConnections`` allows.
        ///
        /// Opened when one is taken, or by ``PostgresPool/run()``. Default 0.
        public var minimumIdleConnections = 0
        /// How long a caller waits for a connection, also for one that has to be opened first.
        ///
        /// Default 30 s.
        public var acquireTimeout: Duration = .seconds(30)
        /// How many callers may wait; one more is refused at once with `poolQueueFull`.
        ///
        /// nil, the default, is without bound.
        public var maximumWaiters: Int?
        /// How long a connection beyond the minimums may lie unused before it is closed.
        ///
        /// Default 10 min.
        public var idleTimeout: Duration = .seconds(600)
        /// How old a connection gets before another takes its place; nil is without limit.
        ///
        /// Up to a tenth less, at random, so that those opened together do not end together. One that is lent is
        /// closed when it comes back, never before. Default 1 h.
        public var maximumLifetime: Duration? = .seconds(3600)
        /// How many connections are opened at the same time at most; only one while the server cannot be reached.
        ///
        /// Default 4.
        public var maximumParallelConnects = 4
        /// The longest pause between attempts to reach a server that is away; each is chosen at random below it.
        ///
        /// Default 5 s.
        public var maximumConnectBackoff: Duration = .seconds(5)
        /// After which time a holder of a connection is named in a warning.
        ///
        /// Default 60 s.
        public var slowLeaseThreshold: Duration = .seconds(60)
        /// How long ``PostgresPool/run()`` waits at its end for connections that are lent, before it closes them.
        ///
        /// Default 30 s.
        public var shutdownTimeout: Duration = .seconds(30)
        /// Distinguishes pools in metrics (`db.client.connection.pool.name`).
        ///
        /// Default `postgres`.
        public var name = "postgres"
        /// Asked before each connect what to connect with: the pool's configuration with a password that is valid now.
        ///
        /// It must name the same database. What it throws is treated as a failed connect.
        public var beforeConnecting: ConfigurationSource?
        /// Called with each new connection before it is lent; one for which it throws is closed.
        ///
        /// Settings that it makes do not outlive ``SessionReset/standard``, which makes those of the configuration anew.
        public var prepareConnection: (@Sendable (PostgresConnection) async throws(PostgresError) -> Void)?
        /// Called with each idle connection that the pool is about to close: too old, unused, replaced, or at the end.
        ///
        /// Not with one that is broken or left in disorder. The pool waits for it at its shutdown.
        public var beforeClosing: (@Sendable (PostgresConnection) async -> Void)?
        /// What is done with a connection that comes back, before another gets it.
        ///
        /// Default nothing, which costs nothing: a transaction left open is rolled back in any case, but a setting, an
        /// advisory lock or a temporary table stays.
        public var reset: SessionReset = .none

        /// Makes options with the defaults named above.
        public init() {}
    }

    /// What to connect with now, made of a pool's configuration.
    public typealias ConfigurationSource =
        @Sendable (PostgresConfiguration) async throws(PostgresError) -> PostgresConfiguration

    /// How a connection that comes back is made ready for the next caller.
    public enum SessionReset: Sendable {
        /// Not at all.
        case none
        /// As `DISCARD ALL`, but prepared statements stay: settings, role, advisory locks, cursors, `LISTEN`, temporary
        /// tables and sequences are let go, and the configuration's settings made anew.
        ///
        /// Costs a round trip each time. Without effect behind a pooler in transaction mode, where nothing is kept.
        case standard
        /// Whatever the closure does; a connection for which it throws is closed.
        case custom(@Sendable (PostgresConnection) async throws(PostgresError) -> Void)
    }
}
