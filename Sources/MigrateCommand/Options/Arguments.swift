public import ArgumentParser
public import SchemaMigrations

extension MigrationVersion: ExpressibleByArgument {
    /// Reads a version as a person types it, Flyway's with dots among them.
    public init?(argument: String) {
        if argument.contains(".") { self.init(flyway: argument) } else { self.init(argument) }
    }
}

extension MigrationLayout: ExpressibleByArgument {}

extension PhaseSelection: ExpressibleByArgument {}

/// A time in seconds, as `5` or `0.5`.
struct Seconds: ExpressibleByArgument, Equatable {
    let duration: Duration

    init?(argument: String) {
        // A year is longer than anybody waits, and far from overflowing what the server counts.
        guard let seconds = Double(argument), (0...31_536_000).contains(seconds) else { return nil }
        duration = .milliseconds(Int64((seconds * 1000).rounded()))
    }
}

/// A time in whole milliseconds.
struct Milliseconds: ExpressibleByArgument, Equatable {
    let duration: Duration

    init?(argument: String) {
        guard let milliseconds = Int32(argument), milliseconds > 0 else { return nil }
        duration = .milliseconds(milliseconds)
    }
}
