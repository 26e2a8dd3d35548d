import Postgres
import TestSupport
import Testing

struct ListenerTests {
    @Test func `messages come in order, with channel, payload and sender`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                let names = ["plain", "My \"channel\"; SELECT 1"]
                var events = PostgresListener(to: try database.configuration, channels: names).makeAsyncIterator()
                #expect(try await events.next() == .listening)
                let processID = await connection.backendProcessID
                for number in 0..<100 {
                    let name = names[number % 2]
                    try await connection.query("SELECT pg_notify(\(name), \("\(number)"))")
                }
                for number in 0..<100 {
                    guard case .notification(let notification)? = try await events.next() else {
                        Issue.record("message \(number) did not come")
                        return
                    }
                    #expect(notification.channel == names[number % 2])
                    #expect(notification.payload == "\(number)")
                    #expect(notification.processID == processID)
                }
            }
        }
    }

    /// Pain: LISTEN dies in silence when its connection does.
    @Test func `pain 19: a listener whose connection is ended comes back and says so`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                var configuration = try database.configuration
                configuration.applicationName = "listener"
                var events = PostgresListener(to: configuration, channels: ["a"]).makeAsyncIterator()
                #expect(try await events.next() == .listening)
                for _ in 0..<2 {
                    try await connection.query(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'listener' AND datname = current_database()"
                    )
                    #expect(try await events.next() == .mayHaveMissed)
                    try await connection.query("NOTIFY a, 'after'")
                    guard case .notification(let notification)? = try await events.next() else {
                        Issue.record("no message after the connection was made anew")
                        return
                    }
                    #expect(notification.payload == "after")
                }
            }
        }
    }

    @Test func `a cancelled listener ends and closes its connection`() async throws {
        try await withDatabase { database in
            try await database.connect { connection in
                var configuration = try database.configuration
                configuration.applicationName = "listener"
                let listener = PostgresListener(to: configuration, channels: ["a"], heartbeat: .milliseconds(20))
                let heard = Shared(0)
                let task = Task {
                    for try await _ in listener { heard.withLock { $0 += 1 } }
                }
                #expect(try await eventually { heard.withLock { $0 } == 1 })
                // Several heartbeats.
                try await Task.sleep(for: .milliseconds(100))
                task.cancel()
                try await task.value
                #expect(heard.withLock { $0 } == 1)
                let isGone = try await eventually {
                    try await connection.value(
                        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'listener' AND datname = current_database()",
                        as: Int.self
                    ) == 0
                }
                #expect(isGone)
            }
        }
    }

    @Test func `a first connection that cannot be made is an error`() async throws {
        let configuration = try PostgresConfiguration("host=/nowhere")
        var events = PostgresListener(to: configuration, channels: ["a"]).makeAsyncIterator()
        let error = try await postgresError { try await events.next() }
        #expect(error?.code == .connectionFailed)
    }
}
