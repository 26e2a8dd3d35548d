import FoundationEssentials

/// This process's environment variables.
enum ProcessEnvironment {
    static var names: [String] { Array(ProcessInfo.processInfo.environment.keys) }

    /// The value of a variable; an empty one counts as absent.
    static subscript(name: String) -> String? {
        guard let value = ProcessInfo.processInfo.environment[name], !value.isEmpty else { return nil }
        return value
    }
}
