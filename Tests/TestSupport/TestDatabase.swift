public import EphemeralPostgres
import Glibc
import Synchronization

/// A database that one test has to itself.
public struct TestDatabase: Sendable {
    /// The database's name.
    public let name: String
    /// The server that it is on, shared with the other tests of this process.
    public let server: EphemeralServer

    /// A libpq connection string for the database, as the superuser.
    public var connectionString: String { server.connectionString(database: name) }
}

/// Runs `body` with a new database, which is dropped afterwards, also when `body` throws.
///
/// The first call in a process starts the server; it goes away with the process.
///
/// - Parameters:
///   - template: the database to copy, which nobody may be connected to; `nil` for an empty one.
///   - body: the test.
/// - Returns: what `body` returns.
/// - Throws: what `body` throws, or `PostgresServerError` when there is no server or database to be had.
public func withDatabase<Result>(
    template: String? = nil,
    _ body: (TestDatabase) async throws -> Result
) async throws -> Result {
    // A test with two databases has one place: tests that wait for a second while they hold a first could wait for ever.
    guard !TestServer.holdsPlace else { return try await withNewDatabase(template, body) }
    await TestServer.shared.takePlace()
    defer { Task { await TestServer.shared.leavePlace() } }
    return try await TestServer.$holdsPlace.withValue(true) { try await withNewDatabase(template, body) }
}

private func withNewDatabase<Result>(
    _ template: String?,
    _ body: (TestDatabase) async throws -> Result
) async throws -> Result {
    let server = try await TestServer.shared.server()
    let database = TestDatabase(name: TestServer.uniqueName(), server: server)
    try await server.createDatabase(database.name, template: template)
    do {
        let result = try await body(database)
        try await server.dropDatabase(database.name)
        return result
    } catch {
        // The test's own error matters; the database ends with the process at the latest.
        try? await server.dropDatabase(database.name)
        throw error
    }
}

/// The server of this process's tests.
public actor TestServer {
    /// The only one.
    public static let shared = TestServer()

    /// Whether the running test has its place already.
    @TaskLocal static var holdsPlace = false

    private static let lastNumber = Atomic(0)

    /// How many tests have a database at once; Swift Testing starts all tests together.
    private static let places = 8

    private var start: Task<EphemeralServer, any Error>?
    private var taken = 0
    private var queue: [CheckedContinuation<Void, Never>] = []

    /// The running server, started by the first caller.
    ///
    /// - Throws: `PostgresServerError` when it cannot be started; every later caller gets the same error.
    public func server() async throws -> EphemeralServer {
        let task =
            start
            ?? Task {
                var options = EphemeralServer.Options()
                options.maxConnections = 500
                return try await EphemeralServer.start(options)
            }
        start = task
        return try await task.value
    }

    /// Waits until few enough tests are at work.
    func takePlace() async {
        guard taken >= Self.places else {
            taken += 1
            return
        }
        await withCheckedContinuation { queue.append($0) }
    }

    func leavePlace() {
        if queue.isEmpty {
            taken -= 1
        } else {
            queue.removeFirst().resume()
        }
    }

    /// A database name that no other test uses.
    static func uniqueName() -> String {
        "t_\(lastNumber.wrappingAdd(1, ordering: .relaxed).newValue)_\(getpid())"
    }
}
