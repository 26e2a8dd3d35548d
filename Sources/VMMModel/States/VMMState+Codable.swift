extension VMMState: Codable {
    private enum CodingKeys: String, CodingKey {
        case failed
    }

    /// Decodes a label, or an object with the one key `failed` and a reason's label.
    ///
    /// - Throws: `DecodingError` for any other form, for an unknown label (its underlying error is then an
    ///   ``UnknownLabelError``) and for the bare label `failed`, which lacks the reason.
    public init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if let label = try? value.decode(String.self) {
            self = try Self.decoded(label: label, at: value.codingPath)
            return
        }
        guard let keys = try? decoder.container(keyedBy: AnyKey.self).allKeys else {
            throw DecodingError.typeMismatch(
                VMMState.self,
                DecodingError.Context(codingPath: value.codingPath, debugDescription: Self.formHint)
            )
        }
        guard keys.map(\.stringValue) == [CodingKeys.failed.stringValue] else {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(codingPath: value.codingPath, debugDescription: Self.formHint)
            )
        }
        let object = try decoder.container(keyedBy: CodingKeys.self)
        self = .failed(try object.decode(VMMFailureReason.self, forKey: .failed))
    }

    /// Encodes the label, or for a failed state an object that holds the reason's label.
    ///
    /// - Throws: Whatever the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        if let failureReason {
            var object = encoder.container(keyedBy: CodingKeys.self)
            try object.encode(failureReason, forKey: .failed)
        } else {
            var value = encoder.singleValueContainer()
            try value.encode(label)
        }
    }

    private static let formHint = #"a VMM state is a label such as "running", or an object {"failed": reason}"#

    private static func decoded(label: String, at path: [any CodingKey]) throws(DecodingError) -> VMMState {
        let kind: Kind
        do {
            kind = try Kind(label: label)
        } catch {
            throw .dataCorrupted(error.context(at: path))
        }
        do {
            return try VMMState(kind: kind, failureReason: nil)
        } catch {
            throw .dataCorrupted(
                DecodingError.Context(
                    codingPath: path,
                    debugDescription: "\(error); \(formHint)",
                    underlyingError: error
                )
            )
        }
    }
}

/// Any key of an object, to see which ones there are.
private struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) {
        self.stringValue = stringValue
    }

    init?(intValue: Int) {
        nil
    }
}
