import Foundation

/// libFuzzer's entry point: the target that `FUZZ_TARGET` names gets each input.
///
/// A target returns for whatever the parser says; it fails by a trap, an address error, a hang or too much memory, which
/// the fuzzer reports with the input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    target.run(UnsafeBufferPointer(start: start, count: count))
    return 0
}

/// What is fed with inputs.
enum FuzzTarget: String, CaseIterable {
    /// Connection strings, against libpq.
    case connectionStrings = "connection-strings"
    /// A folder of one migration, with its directives, in each layout.
    case migrations
    /// A file of `migrate plan --output`.
    case plans
    /// The binary form of every type.
    case values
    /// What sled-agents send.
    case wire

    func run(_ bytes: UnsafeBufferPointer<UInt8>) {
        switch self {
        case .connectionStrings: fuzzConnectionString(bytes)
        case .migrations: fuzzMigrations(bytes)
        case .plans: fuzzPlan(bytes)
        case .values: fuzzValue(bytes)
        case .wire: fuzzWire(bytes)
        }
    }
}

private let target: FuzzTarget = {
    let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
    guard let target = FuzzTarget(rawValue: name) else {
        let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
        print("fuzz: FUZZ_TARGET is one of \(names)")
        exit(64)
    }
    return target
}()

/// Ends the process, as a finding: what was to hold does not.
func finding(_ text: String) -> Never {
    // Unbuffered: what is printed to stdout would be lost.
    FileHandle.standardError.write(Data("fuzz: \(text)\n".utf8))
    abort()
}
