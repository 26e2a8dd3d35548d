/// What another tool's bookkeeping says is applied.
struct ForeignHistory: Sendable, Equatable {
    /// One migration that the tool has applied.
    struct Entry: Sendable, Equatable {
        /// Its version as the tool writes it.
        let version: String
        /// The fingerprint of its file that the tool has kept, if it keeps any.
        var checksum: ForeignChecksum?
    }

    let tool: MigrationLayout
    /// The table, for messages.
    let table: String
    var entries: [Entry] = []
    /// Everything up to this version is applied, without a line of its own: golang-migrate keeps the newest only, and
    /// Flyway's baseline stands for what was there before it.
    var through: String?
}

/// A file's fingerprint as another tool makes it.
enum ForeignChecksum: Sendable, Equatable {
    /// Prisma's: SHA-256 of the bytes, in hexadecimal digits.
    case sha256(String)
    /// Flyway's: CRC-32 of the lines without their ends.
    case crc32(Int32)

    /// Whether the file is the one that was applied, whatever its line ends were then.
    func matches(_ file: SQLFile) -> Bool {
        switch self {
        case .sha256(let hex):
            let canonical = Array(file.text.utf8)
            let windows = Array(file.text.replacing("\n", with: "\r\n").utf8)
            return [canonical, windows].contains { Checksum(ofCanonical: $0).hex == hex.lowercased() }
        case .crc32(let value):
            return Int32(bitPattern: CRC32.of(file.text.utf8.lazy.filter { $0 != 0x0A && $0 != 0x0D })) == value
        }
    }
}

/// The checksum of zip files and of Flyway (ISO 3309).
enum CRC32 {
    static func of(_ bytes: some Sequence<UInt8>) -> UInt32 {
        ~bytes.reduce(~UInt32(0)) { (crc, byte) in table[Int((crc ^ UInt32(byte)) & 0xFF)] ^ (crc >> 8) }
    }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { crc, _ in crc & 1 == 1 ? 0xEDB8_8320 ^ (crc >> 1) : crc >> 1 }
    }
}
