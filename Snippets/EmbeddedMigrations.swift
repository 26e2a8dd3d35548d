// Migrations at the start of a service, from files compiled into it.
import Foundation
import Postgres
import SchemaMigrations

// snippet.migrate
let source = try MigrationSource(files: [
    "0001_sled/up.sql": "CREATE TABLE sled (id uuid PRIMARY KEY);",
    "0002_rack/up.sql": "ALTER TABLE sled ADD COLUMN rack text;",
])
let database = try PostgresConfiguration(ProcessInfo.processInfo.environment["DATABASE_URL"] ?? "")
let migrator = Migrator(source: source, database: database)
do {
    let result = try await migrator.up { event in
        if case .stepFinished(let step, let duration, _, _, _) = event { print("applied \(step.step) in \(duration)") }
    }
    print("completed \(result.completed)")
} catch let error as MigrationError {
    // The description names file, line and next step.
    print(error)
    exit(error.exitCode.rawValue)
}
// snippet.end
