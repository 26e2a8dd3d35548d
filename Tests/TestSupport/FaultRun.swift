import Foundation

/// How much of the tests of faults runs: a part of them within `scripts/test`, all with `scripts/test --faults`.
///
/// The environment says so: `FAULTS=full` for all, `FAULT_SEED` for the seed of a run that is to be repeated,
/// `FAULT_LOAD_SECONDS` for the length of the load, `FAULT_FIGURES` for the file that figures are added to.
public enum FaultRun {
    private static let environment = ProcessInfo.processInfo.environment

    /// Whether all of it runs.
    public static let isFull = environment["FAULTS"] == "full"

    /// What the random moments of this run follow from.
    public static let seed = environment["FAULT_SEED"].flatMap(UInt64.init) ?? UInt64.random(in: 0...UInt64(UInt32.max))

    /// How long the load lasts.
    public static let loadDuration: Duration =
        .seconds(environment["FAULT_LOAD_SECONDS"].flatMap(Int.init) ?? (isFull ? 3600 : 4))

    /// The number of rounds.
    public static func rounds(_ part: Int, full: Int) -> Int {
        isFull ? full : part
    }

    /// Tells what a test came to, in figures: printed, and added to the file of the run's figures.
    public static func tell(_ fault: String, _ figures: String) {
        print("fault: \(fault): \(figures)")
        guard let path = environment["FAULT_FIGURES"], let file = fopen(path, "a") else { return }
        // A line at once, so that those of several tests do not mix.
        fputs("\(fault)\t\(figures)\n", file)
        fclose(file)
    }

    /// Random values that follow from the run's seed and a name, the same whenever the seed is.
    public static func random(_ name: String) -> FaultRandom {
        FaultRandom(state: name.utf8.reduce(seed) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 })
    }
}

/// Random values that are the same for the same seed.
public struct FaultRandom: RandomNumberGenerator, Sendable {
    var state: UInt64

    /// SplitMix64.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
