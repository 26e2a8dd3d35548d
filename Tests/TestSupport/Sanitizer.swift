import Foundation

/// Whether a sanitizer is built into the tests and the programs beside them; `scripts/test-sanitized` says so.
public let isSanitized = ProcessInfo.processInfo.environment.keys.contains { $0.hasSuffix("SAN_OPTIONS") }
