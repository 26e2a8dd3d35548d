import EphemeralPostgres
import Glibc
import Postgres
import TestSupport
import Testing

struct ConnectingTests {
    @Test(
        arguments: [
            "host=x password=hunter2 secret", "host=x password=hunter2 secret=b", "password='hunter2 secret",
            "postgresql://u:hunter2secret%zz@h/d", "postgresql://u:x@h/d?hunter=secret",
            "postgresql://u:hunter2\"secret%zz\"@h/d", "postgresql://u:hunter2secret@[::1/d", "hunter2secret",
        ]
    )
    func `a string that cannot be read is refused without quoting a secret`(string: String) {
        let error = #expect(throws: PostgresError.self) { try PostgresConfiguration(string) }
        #expect(error?.code == .invalidConfiguration)
        for part in ["hunter", "secret"] { #expect(error?.debugDescription.contains(part) == false) }
    }

    @Test func `an unknown option is named`() {
        let error = #expect(throws: PostgresError.self) { try PostgresConfiguration("hots=x") }
        #expect(error?.message.contains("\"hots\"") == true)
        #expect(throws: PostgresError.self) { try PostgresConfiguration("host=a\0b") }
    }

    @Test func `a configuration never shows its password`() throws {
        let configuration = try PostgresConfiguration("postgresql://vmm:hunter2@db.example:7/vmm")
        let pool = PostgresPool(configuration)
        var dumped = ""
        dump(configuration, to: &dumped)
        dump(pool, to: &dumped)
        for text in ["\(configuration)", String(reflecting: configuration), dumped, "\(pool)"] {
            #expect(!text.contains("hunter2"))
        }
        #expect(configuration.summary == "host=db.example port=7 dbname=vmm user=vmm")
        #expect(configuration.database == "vmm")
        #expect(try configuration.withDatabase("it's \\ other").database == "it's \\ other")
    }

    @Test func `another database keeps everything else`() async throws {
        try await withDatabase { database in
            var configuration = try PostgresConfiguration(database.server.connectionString(database: "postgres"))
            configuration.applicationName = "probe"
            configuration.settings["work_mem"] = "5MB"
            configuration.queryTimeout = .seconds(50)
            let other = try configuration.withDatabase(database.name)
            #expect(other.queryTimeout == .seconds(50))
            try await PostgresConnection.withConnection(to: other) { connection in
                let row = try await connection.query(
                    "SELECT current_database()::text, current_setting('application_name'), current_setting('work_mem')"
                ).one()
                let (name, application, memory) = try row.decode(String.self, String.self, String.self)
                #expect(name == database.name && application == "probe" && memory == "5MB")
            }
        }
    }

    @Test func `settings apply, texts stay UTF-8, and what the string says wins`() async throws {
        try await withDatabase { database in
            let string = database.connectionString + " application_name=mine client_encoding=LATIN1"
            var configuration = try PostgresConfiguration(string)
            configuration.settings["lock_timeout"] = "1234ms"
            configuration.settings["vmm.note"] = "it's \\ quoted"
            try await PostgresConnection.withConnection(to: configuration) { connection in
                let row = try await connection.query(
                    """
                    SELECT current_setting('lock_timeout'), current_setting('vmm.note'),
                        current_setting('application_name'), current_setting('idle_in_transaction_session_timeout'), \("€")
                    """
                ).one()
                let read = try row.decode(String.self, String.self, String.self, String.self, String.self)
                #expect(read.0 == "1234ms" && read.1 == "it's \\ quoted" && read.2 == "mine")
                #expect(read.3 == "5min" && read.4 == "€")
                #expect(await connection.reportedSetting("client_encoding") == "UTF8")
                #expect(await connection.serverVersion >= 140_000)
            }
            configuration.settings = ["no_such_setting": "1"]
            let error = try await postgresError { try await PostgresConnection.connect(to: configuration) }
            #expect(error?.code == .connectionFailed)
            #expect(error?.server?.message.contains("no_such_setting") == true)
        }
    }

    @Test func `a missing database and a closed port are told`() async throws {
        try await withDatabase { database in
            let missing = try database.configuration.withDatabase("no such database")
            let error = try await postgresError { try await PostgresConnection.connect(to: missing) }
            #expect(error?.code == .connectionFailed)
            #expect(error?.message.contains("database \"no such database\" does not exist") == true)
            #expect(error?.nothingWasSent == true)
        }
        let listener = try Listener()
        listener.close()
        for host in ["hostaddr=127.0.0.1", "host=localhost"] {
            let closed = try PostgresConfiguration("\(host) port=\(listener.port) user=u password=hunter2")
            let refused = try await postgresError { try await PostgresConnection.connect(to: closed) }
            #expect(refused?.code == .connectionFailed)
            #expect(refused?.message.contains("Connection refused") == true)
            #expect(refused?.message.contains("\(listener.port)") == true)
            #expect(refused?.debugDescription.contains("hunter2") == false)
        }
    }

    /// Pain: a non-blocking connect ignores `connect_timeout`.
    @Test(arguments: ["hostaddr=127.0.0.1", "host=localhost"])
    func `a server that never answers is given up at the deadline`(host: String) async throws {
        let listener = try Listener()
        defer { listener.close() }
        var configuration = try PostgresConfiguration("\(host) port=\(listener.port) user=u")
        configuration.connectTimeout = .milliseconds(200)
        let error = try await postgresError { try await PostgresConnection.connect(to: configuration) }
        #expect(error?.code == .connectionFailed)
        #expect(error?.message.contains("took longer than 0.2 seconds") == true)
        configuration.connectTimeout = .seconds(60)
        let patient = configuration
        let task = Task { try await PostgresConnection.connect(to: patient) }
        try await Task.sleep(for: .milliseconds(50))
        task.cancel()
        #expect(try await postgresError { try await task.value }?.code == .cancelled)
    }

    @Test func `names are resolved and passwords checked over TCP`() async throws {
        var options = EphemeralServer.Options()
        options.listensOnTCP = true
        try await EphemeralServer.withServer(options) { server in
            let string = try #require(server.connectionStringOverTCP(database: "postgres"))
            for (text, isRight) in [
                (string, true), (string + " host=localhost", true), (string + " password=hunter2", false),
            ] {
                let configuration = try PostgresConfiguration(text)
                let error = try await postgresError {
                    try await PostgresConnection.withConnection(to: configuration) { connection in
                        let answer: Int = try await connection.value("SELECT 7")
                        #expect(answer == 7)
                    }
                }
                #expect((error == nil) == isRight)
                #expect(error == nil || error?.message.contains("password authentication failed") == true)
                #expect(error?.debugDescription.contains("hunter2") != true)
            }
        }
    }

    /// Pain: the default notice receiver writes to stderr.
    @Test func `notices go to the logger`() async throws {
        let recorder = LogRecorder()
        try await withDatabase { database in
            _ = try await database.connect({ $0.logger = recorder.logger }) { connection in
                try await connection.execute(
                    script: "DO $$ BEGIN RAISE NOTICE 'small talk'; RAISE WARNING 'take care'; END $$"
                )
            }
        }
        #expect(recorder.lines.contains { $0.hasPrefix("debug small talk") && $0.contains("00000") })
        #expect(recorder.lines.contains { $0.hasPrefix("warning take care") && $0.contains("01000") })
    }

    @Test func `a connection that was closed says so`() async throws {
        try await withDatabase { database in
            let connection = try await PostgresConnection.connect(to: database.configuration)
            await connection.close()
            await connection.close()
            let error = try await postgresError { try await connection.query("SELECT 1") }
            #expect(error?.code == .connectionClosed)
            let lent = try await PostgresConnection.withConnection(to: database.configuration) { $0 }
            #expect(try await postgresError { try await lent.query("SELECT 1") }?.code == .connectionReturned)
            #expect(try await postgresError { try await lent.withTransaction { _ in } }?.code == .connectionReturned)
        }
    }
}
