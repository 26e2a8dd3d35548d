import Testing

@testable import EphemeralPostgres

@Suite struct TextFormsTests {
    @Test func `a configuration file quotes values and is sorted by name`() throws {
        let settings = ServerSettings(["work_mem": "4MB", "application_name": "it's \\ a\nline"])
        #expect(
            try settings.configuration() == #"""
                application_name = 'it''s \\ a\nline'
                work_mem = '4MB'
                """#
        )
    }

    @Test(arguments: ["", "1a", ".a", "a b", "a'", "a\nb", "ä"])
    func `what is not a setting's name is refused`(name: String) {
        #expect(throws: PostgresServerError.invalidSettingName(name)) {
            try ServerSettings([name: "1"]).configuration()
        }
    }

    @Test func `a connection string quotes its values`() {
        let text = ConnectionString.keywords([("host", "/tmp/a b"), ("dbname", #"it's \ one"#)])
        #expect(text == #"host='/tmp/a b' dbname='it\'s \\ one'"#)
    }

    @Test func `a URL encodes the socket's folder and the database`() {
        let url = ConnectionString.url(user: "postgres", database: "ä/?", socketDirectory: "/tmp/x y", port: 5432)
        #expect(url == "postgresql://postgres@/%C3%A4%2F%3F?host=%2Ftmp%2Fx%20y&port=5432")
    }

    @Test func `a folder suits a socket by its length in bytes, and without commas`() {
        let longest = "/" + String(repeating: "x", count: ServerFolder.longestSocketPath - 16)
        #expect(ServerFolder.canHoldSocket(longest))
        #expect(!ServerFolder.canHoldSocket(longest + "x"))
        #expect(!ServerFolder.canHoldSocket("/tmp/a,b"))
        #expect(!ServerFolder.canHoldSocket("relative"))
    }
}
