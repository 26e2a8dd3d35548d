import Foundation

/// A value that is stored as `jsonb` or `json` by way of `Codable`.
///
/// ```swift
/// try await connection.query("UPDATE vmm SET spec = \(PostgresJSON(spec)) WHERE id = \(id)")
/// let spec = try row.decode("spec", as: PostgresJSON<Spec>.self).value
/// ```
/// It is sent as `jsonb`, and read from both. `JSONEncoder` and `JSONDecoder` are used as they come: keys as they are
/// named, dates as seconds since 2001; ``PostgresJSONCoder`` takes others. For text that is to be kept as it is see
/// ``PostgresJSONText``.
public struct PostgresJSON<Value: Codable & Sendable>: Sendable {
    /// The value.
    public var value: Value

    /// Wraps a value.
    public init(_ value: Value) {
        self.value = value
    }
}

extension PostgresJSON: Equatable where Value: Equatable {}
extension PostgresJSON: Hashable where Value: Hashable {}

extension PostgresJSON: PostgresCodable {
    /// `jsonb`.
    public static var postgresType: PostgresType { .jsonb }
    /// `jsonb[]`.
    public static var postgresArrayType: PostgresType { .jsonbArray }

    /// Appends the version of the form and the value as JSON.
    ///
    /// - Throws: `encodingFailed` when the value cannot be written as JSON (a `NaN`, say), or holds a text with NUL.
    public func encode(to encoder: inout PostgresEncoder) throws(PostgresError) {
        let json: Data
        do {
            json = try PostgresJSONCoding.coder.encode(value)
        } catch {
            throw PostgresError(.encodingFailed, "\(Value.self) as JSON: \(jsonFailure(error))", nothingWasSent: true)
        }
        guard !holdsNUL(json) else {
            throw PostgresError(.encodingFailed, "JSON with a NUL character cannot be stored", nothingWasSent: true)
        }
        encoder.append(jsonbVersion)
        encoder.append(contentsOf: json)
    }

    /// True for `jsonb` and `json`.
    public static func canDecode(_ type: PostgresType) -> Bool { type == .jsonb || type == .json }

    /// Reads the value; JSON of another shape throws, naming the place but not what stands there.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> PostgresJSON {
        let text = bytes.extracting(droppingFirst: try jsonOffset(bytes, type: type))
        let data = unsafe text.withUnsafeBytes { unsafe Data($0) }
        do {
            return PostgresJSON(try PostgresJSONCoding.coder.decode(Value.self, from: data))
        } catch {
            throw PostgresError(.decodingFailed, "the JSON is no \(Value.self): \(jsonFailure(error))")
        }
    }
}

/// A `json` value as text, which the server keeps as it is, spaces and double keys included.
///
/// It is sent as `json`; a `jsonb` column takes it too and normalises it, but operators of `jsonb` need a cast:
/// `\(text)::jsonb`. It is read from both.
public struct PostgresJSONText: Sendable, Hashable {
    /// The text, which is not checked before it is sent.
    public var text: String

    /// Wraps a text.
    public init(_ text: String) {
        self.text = text
    }
}

extension PostgresJSONText: PostgresCodable {
    /// `json`.
    public static var postgresType: PostgresType { .json }
    /// `json[]`.
    public static var postgresArrayType: PostgresType { .jsonArray }

    /// Appends the text.
    ///
    /// - Throws: `encodingFailed` when the text holds a NUL character.
    public func encode(to encoder: inout PostgresEncoder) throws(PostgresError) {
        try text.encode(to: &encoder)
    }

    /// True for `json` and `jsonb`.
    public static func canDecode(_ type: PostgresType) -> Bool { type == .json || type == .jsonb }

    /// Reads the text.
    public static func decode(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> PostgresJSONText {
        let text = bytes.extracting(droppingFirst: try jsonOffset(bytes, type: type))
        return PostgresJSONText(try String.decode(text, type: .text))
    }
}

/// The only version of `jsonb`'s binary form that there is.
private let jsonbVersion: UInt8 = 1

/// Where the text begins in the binary form of either type.
private func jsonOffset(_ bytes: RawSpan, type: PostgresType) throws(PostgresError) -> Int {
    guard type == .jsonb else { return 0 }
    guard bytes.byteCount > 0, bytes.bigEndian(as: UInt8.self) == jsonbVersion else {
        throw PostgresError(.decodingFailed, "the bytes are no jsonb of version \(jsonbVersion)")
    }
    return 1
}

/// Whether a text in the JSON holds a NUL character, which stands there as an escape.
private func holdsNUL(_ json: Data) -> Bool {
    let escape = Array("u0000".utf8)
    var isEscaped = false
    for (index, byte) in json.enumerated() {
        if isEscaped {
            if byte == escape[0], json.dropFirst(index).starts(with: escape) { return true }
            isEscaped = false
        } else {
            isEscaped = byte == UInt8(ascii: "\\")
        }
    }
    return false
}

/// What is wrong and where, without the value.
private func jsonFailure(_ error: any Error) -> String {
    func path(_ keys: [any CodingKey]) -> String {
        keys.isEmpty ? "at the top" : "at " + keys.map(\.stringValue).joined(separator: ".")
    }
    return switch error {
    case DecodingError.keyNotFound(let key, let context): "no key \"\(key.stringValue)\" \(path(context.codingPath))"
    case DecodingError.typeMismatch(let type, let context): "no \(type) \(path(context.codingPath))"
    case DecodingError.valueNotFound(let type, let context): "null instead of \(type) \(path(context.codingPath))"
    case DecodingError.dataCorrupted(let context): "unreadable \(path(context.codingPath))"
    case EncodingError.invalidValue(_, let context): "unwritable \(path(context.codingPath))"
    default: "\(type(of: error))"
    }
}
