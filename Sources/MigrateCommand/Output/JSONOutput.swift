import Foundation
import SchemaMigrations

/// How JSON is written everywhere: keys in snake_case and in order, so that two outputs can be compared.
enum JSONOutput {
    /// One object over several lines.
    static func object(_ value: some Encodable) throws -> String {
        try text(value, [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
    }

    /// One object in one line.
    static func line(_ value: some Encodable) throws -> String {
        try text(value, [.sortedKeys, .withoutEscapingSlashes])
    }

    private static func text(_ value: some Encodable, _ formatting: JSONEncoder.OutputFormatting) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = formatting
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}

/// Writes `null` where there is no value, so that every object has the same fields always.
@propertyWrapper
struct OrNull<Value: Encodable & Sendable & Equatable>: Encodable, Sendable, Equatable {
    let wrappedValue: Value?

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let wrappedValue { try container.encode(wrappedValue) } else { try container.encodeNil() }
    }
}

extension MigrationTime {
    /// Now, by this machine's clock.
    static var now: MigrationTime {
        MigrationTime(microseconds: Int64((Date().timeIntervalSince1970 * 1_000_000).rounded()))
    }
}

extension Duration {
    /// Whole milliseconds, as JSON has them.
    var wholeMilliseconds: Int64 { Int64((self / .milliseconds(1)).rounded()) }

    /// Milliseconds with three digits, for what is often shorter than one.
    var exactMilliseconds: Double { (self / .microseconds(1)).rounded() / 1000 }
}
