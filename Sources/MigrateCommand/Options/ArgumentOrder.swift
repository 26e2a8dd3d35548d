import ArgumentParser

/// Lets global options stand in front of the subcommand.
///
/// The parser takes an option only behind the command that declares it, so those in front are moved behind it.
enum ArgumentOrder {
    static func globalOptionsLast(_ arguments: [String]) -> [String] {
        var rest = arguments[...]
        var moved: [String] = []
        var command: any ParsableCommand.Type = Migrate.self
        var path: [String] = []
        while let argument = rest.first {
            if let count = GlobalOptions.length(of: argument) {
                moved += rest.prefix(count)
                rest = rest.dropFirst(count)
            } else if let next = command.configuration.subcommands.first(where: { $0._commandName == argument }) {
                command = next
                path.append(argument)
                rest = rest.dropFirst()
            } else {
                break
            }
        }
        guard !path.isEmpty else { return arguments }
        // In front of the subcommand's own, so that of an option given twice the later one still wins.
        return path + moved + rest
    }
}
