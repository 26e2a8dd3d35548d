import Testing

/// What `vmmdb` says, without what must never be said.
extension `The command vmmdb` {
    private static let password = "s3cr3t-Password-42"
    private static let other = "an0ther-Secret-43"

    @Test func `no password is in the output of any command, also when it fails`() async throws {
        try await withVMMs { url in
            try await execute(Self.instanceRow, on: url)
            let secrets = "password=\(Self.password) sslpassword=\(Self.other)"
            let good = ["MIGRATE_DATABASE_URL": "\(url) \(secrets)", "PGPASSWORD": Self.password]
            let bad = [
                "postgresql://u:\(Self.password)@127.0.0.1:1/x?connect_timeout=2",
                "postgresql://u:\(Self.password)@/x?no_such_option=\(Self.other)", "\(url) \(secrets) role",
            ]
            let commands = [
                ["list"], ["show", Self.running], ["failures"], ["abandoned"], ["instance", Self.instance],
                ["mark-failed", Self.running, "--reason", "sled_off"],
            ]
            var said: [String] = []
            for command in commands {
                for format in ["text", "json"] {
                    let result = try await run(command + ["--format", format], environment: good)
                    #expect(result.exitCode == 0, "\(command): \(result.error)")
                    said += [result.output, result.error]
                }
                for url in bad {
                    let result = try await run(command, environment: ["MIGRATE_DATABASE_URL": url])
                    #expect(result.exitCode != 0)
                    said += [result.output, result.error]
                }
            }
            let everything = said.joined(separator: "\n")
            try #require(everything.contains(Self.running))
            #expect(!everything.contains(Self.password))
            #expect(!everything.contains(Self.other))
        }
    }
}
