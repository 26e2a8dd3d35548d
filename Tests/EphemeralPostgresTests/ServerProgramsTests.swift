import Foundation
import Testing

@testable import EphemeralPostgres

@Suite struct ServerProgramsTests {
    @Test func `a directory asked for is used alone, and must be complete`() async throws {
        let found = try await ServerPrograms.find()
        #expect(try await ServerPrograms.find(in: found.directory) == found)
        try await withScratchFolder { folder in
            try Self.install(["initdb", "postgres", "pg_isready", "createdb", "dropdb"], in: folder)
            await #expect(throws: PostgresServerError.serverProgramsIncomplete(directory: folder, missing: ["pg_ctl"]))
            {
                try await ServerPrograms.find(in: folder)
            }
        }
    }

    @Test func `pg_config decides first, then the newest version, then PATH`() async throws {
        try await withScratchFolder { folder in
            for place in ["config", "versions/9.6/bin", "versions/15/bin", "versions/16/bin", "real"] {
                try Self.install(ServerPrograms.needed, in: "\(folder)/\(place)")
            }
            // The newest version lacks the server.
            try FileManager.default.removeItem(atPath: "\(folder)/versions/16/bin/postgres")
            try FileManager.default.createDirectory(atPath: "\(folder)/links", withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder)/links/initdb",
                withDestinationPath: "\(folder)/real/initdb"
            )
            try Self.install(["pg_config"], in: "\(folder)/tools", script: "echo '\(folder)/config'")

            func find(_ program: String?, _ versions: String) async throws -> String {
                try await ServerPrograms.find(
                    configurationProgram: program,
                    versionsDirectory: "\(folder)/\(versions)",
                    searchPath: "relative:\(folder)/links"
                ).directory
            }
            #expect(try await find("\(folder)/tools/pg_config", "versions") == "\(folder)/config")
            #expect(try await find(nil, "versions") == "\(folder)/versions/15/bin")
            #expect(try await find("\(folder)/missing", "versions") == "\(folder)/versions/15/bin")
            #expect(try await find(nil, "none") == "\(folder)/real")
        }
    }

    @Test func `without PostgreSQL the error says what to install`() async throws {
        let error = await #expect(throws: PostgresServerError.self) {
            try await ServerPrograms.find(configurationProgram: nil, versionsDirectory: "/nonexistent", searchPath: "/")
        }
        #expect(error == .serverProgramsNotFound(searched: ["/nonexistent/*/bin", "PATH"]))
        #expect(error?.description.contains("apt-get install postgresql") == true)
    }

    private static func install(_ programs: [String], in directory: String, script: String = "exit 0") throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        for program in programs {
            let created = FileManager.default.createFile(
                atPath: "\(directory)/\(program)",
                contents: Data("#!/bin/sh\n\(script)\n".utf8),
                attributes: [.posixPermissions: 0o755]
            )
            try #require(created)
        }
    }
}
