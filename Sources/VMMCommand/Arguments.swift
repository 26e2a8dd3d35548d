public import ArgumentParser
public import VMMDatastore
public import VMMModel

extension TypedID: ExpressibleByArgument {
    /// Reads an identifier; anything but a UUID is a usage error.
    public init?(argument: String) {
        self.init(argument)
    }
}

extension VMMState.Kind: ExpressibleByArgument {}

extension VMMFailureReason: ExpressibleByArgument {}

extension FailureGrouping: ExpressibleByArgument {}
