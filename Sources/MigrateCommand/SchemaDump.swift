import Foundation
import Postgres
import SchemaMigrations
import Subprocess
import SystemPackage

/// The schema as SQL: what `pg_dump` writes, without what differs between two runs, two servers or two people.
enum SchemaDump {
    /// Dumps the schema without owners, privileges and the engine's bookkeeping.
    ///
    /// - Throws: ``MigrationError`` when there is no `pg_dump`, or it fails, with its message.
    static func make(
        of database: PostgresConfiguration,
        bookkeepingSchema: String,
        serverVersion: Int
    ) async throws -> String {
        let (connection, passwords) = database.forCommandLine
        let schema = bookkeepingSchema.replacing("\"", with: "\"\"")
        let arguments = [
            "--schema-only", "--no-owner", "--no-privileges", "--no-tablespaces", "--no-password",
            "--encoding=UTF8", "--exclude-table=\"\(schema)\".migrate_*", "--dbname=\(connection)",
        ]
        var changes: [Environment.Key: String?] = ["LC_ALL": "C"]
        for (name, value) in passwords {
            if let key = Environment.Key(rawValue: name) { changes.updateValue(value, forKey: key) }
        }
        let program = program(serverVersion)
        do {
            let result = try await Subprocess.run(
                program,
                arguments: Arguments(arguments),
                environment: .inherit.updating(changes),
                output: .string(limit: 1 << 28),
                error: .string(limit: 1 << 20)
            )
            guard result.terminationStatus.isSuccess else { throw failed(result.standardError) }
            return canonical(result.standardOutput)
        } catch let error as SubprocessError {
            throw failed("\(error)")
        }
    }

    /// The dump without its head and foot, comments of versions, restrictions for psql and settings of the server's
    /// disk; with a head that lets psql run it on any database.
    static func canonical(_ dump: String) -> String {
        let lines = dump.split(separator: "\n", omittingEmptySubsequences: false)
        let first = lines.firstIndex { $0.hasPrefix("-- Name: ") } ?? lines.endIndex
        let last = lines.lastIndex { $0 == "-- PostgreSQL database dump complete" } ?? lines.endIndex
        var body: [Substring] = []
        // Each comment stands between two lines of two hyphens.
        if first < last { body = Array(lines[max(0, first - 1)..<max(first, last - 1)]) }
        body.removeAll { $0 == "SET default_tablespace = '';" || $0 == "SET default_table_access_method = heap;" }
        var text = head
        for (index, line) in body.enumerated() {
            let isRepeatedBlank = line.isEmpty && (index == 0 || body[index - 1].isEmpty)
            if !isRepeatedBlank { text += line + "\n" }
        }
        while text.hasSuffix("\n\n") { text.removeLast() }
        return text
    }

    private static let head = """
        -- The schema that the migrations make, written by "migrate dump". Change it with a migration, not here.
        SET client_encoding = 'UTF8';
        SET standard_conforming_strings = on;
        SET check_function_bodies = false;
        SET client_min_messages = warning;
        SELECT pg_catalog.set_config('search_path', '', false);


        """

    /// Of the server's version, where that is installed; an older one would refuse.
    private static func program(_ serverVersion: Int) -> Executable {
        let named = ProcessInfo.processInfo.environment["VMM_STORE_PG_BIN"].map { "\($0)/pg_dump" }
        let candidates = [named, "/usr/lib/postgresql/\(serverVersion)/bin/pg_dump"].compactMap(\.self)
        let found = candidates.first { FileManager.default.isExecutableFile(atPath: $0) }
        return found.map { .path(FilePath($0)) } ?? .name("pg_dump")
    }

    private static func failed(_ message: String) -> MigrationError {
        MigrationError(
            .dumpFailed,
            "pg_dump did not dump the schema: \(message.trimmingCharacters(in: .whitespacesAndNewlines))",
            hint: "it has to be installed, and not older than the server (Debian: apt-get install postgresql-client)"
        )
    }
}

extension MigrationError.Code {
    /// `pg_dump` is not there, or failed.
    static let dumpFailed = Self(rawValue: "dump_failed")
    /// The schema is not the one in the file.
    static let dumpDiffers = Self(rawValue: "dump_differs")
}
