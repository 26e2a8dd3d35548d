import Foundation

/// JSON as peers send and receive it, in a stable form.
enum JSON {
    static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    static func decode<Value: Decodable>(_ type: Value.Type = Value.self, _ text: String) throws -> Value {
        try JSONDecoder().decode(type, from: Data(text.utf8))
    }

    /// The decoding error that a text gives rise to; nil when it can be decoded.
    static func failure<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> DecodingError? {
        do {
            _ = try decode(type, text)
            return nil
        } catch let error as DecodingError {
            return error
        }
    }
}

extension DecodingError {
    var context: Context? {
        switch self {
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context),
            .dataCorrupted(let context):
            context
        @unknown default:
            nil
        }
    }
}
