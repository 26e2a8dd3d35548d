import Crypto

/// The fingerprint of a file's content, with the name of the algorithm that made it.
///
/// It covers the bytes after a byte-order mark is removed and CRLF has become LF, so that a checkout on another
/// system does not look like an edit.
public struct Checksum: Sendable, Hashable, CustomStringConvertible {
    /// The algorithm; `sha256` is the only one so far.
    public let algorithm: String
    /// The value in lowercase hexadecimal digits.
    public let hex: String

    /// The algorithm that new checksums use.
    public static let currentAlgorithm = "sha256"

    /// Creates a checksum that was stored before.
    public init(algorithm: String, hex: String) {
        self.algorithm = algorithm
        self.hex = hex
    }

    /// Reads `algorithm:hex`, the form of ``description``; `nil` without a colon or with nothing around it.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
        self.init(algorithm: String(parts[0]), hex: String(parts[1]))
    }

    /// Computes the checksum of bytes that are in canonical form already.
    init(ofCanonical bytes: [UInt8]) {
        let digits = Array("0123456789abcdef".utf8)
        let digest = SHA256.hash(data: bytes)
        hex = String(unsafeUninitializedCapacity: SHA256.byteCount * 2) { buffer in
            var position = 0
            for byte in digest {
                buffer[position] = digits[Int(byte >> 4)]
                buffer[position + 1] = digits[Int(byte & 0xF)]
                position += 2
            }
            return position
        }
        algorithm = Self.currentAlgorithm
    }

    /// `algorithm:hex`, the form of status output and of the history.
    public var description: String { "\(algorithm):\(hex)" }
}
