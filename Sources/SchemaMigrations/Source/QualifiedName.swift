/// The name of a table or another object, with its schema if one was written.
///
/// The parts are the true names: what stood unquoted in SQL has been folded to lowercase already.
public struct QualifiedName: Sendable, Hashable, CustomStringConvertible {
    /// The schema, if the name was qualified.
    public let schema: String?
    /// The object's own name.
    public let name: String

    /// Creates a name of its true parts.
    public init(schema: String? = nil, name: String) {
        self.schema = schema
        self.name = name
    }

    /// Reads a name as SQL spells it: `vmm`, `public.vmm`, `"Odd Name"`, `s."T"`.
    ///
    /// Unquoted parts are folded to lowercase as PostgreSQL does. `nil` for anything else.
    public init?(sql: String) {
        var parts: [String] = []
        var rest = Substring(sql)
        repeat {
            if !parts.isEmpty { rest.removeFirst() }
            guard let part = Self.takePart(&rest) else { return nil }
            parts.append(part)
        } while rest.first == "."
        guard rest.isEmpty, parts.count <= 2, let name = parts.last else { return nil }
        self.init(schema: parts.count == 2 ? parts[0] : nil, name: name)
    }

    /// The name for SQL, every part quoted.
    public var sql: String {
        [schema, name].compactMap { $0 }.map(Self.quote).joined(separator: ".")
    }

    /// The name for people: quoted only where PostgreSQL would need it.
    public var description: String {
        let parts = [schema, name].compactMap { $0 }
        return parts.map { Self.isPlain($0) ? $0 : Self.quote($0) }.joined(separator: ".")
    }

    /// An identifier in double quotes, with those inside doubled.
    static func quote(_ identifier: String) -> String {
        var quoted = "\""
        for character in identifier.unicodeScalars {
            if character == "\"" { quoted += "\"" }
            quoted.unicodeScalars.append(character)
        }
        return quoted + "\""
    }

    private static func isPlain(_ part: String) -> Bool {
        guard let first = part.utf8.first, !(0x30...0x39).contains(first), first != 0x24 else { return false }
        return part.utf8.allSatisfy { isIdentifierByte($0) && !(0x41...0x5A).contains($0) }
    }

    private static func isIdentifierByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F, 0x24, 0x80...: true
        default: false
        }
    }

    private static func takePart(_ rest: inout Substring) -> String? {
        rest.first == "\"" ? takeQuoted(&rest) : takePlain(&rest)
    }

    private static func takePlain(_ rest: inout Substring) -> String? {
        let bytes = rest.utf8.prefix(while: isIdentifierByte)
        guard let first = bytes.first, !(0x30...0x39).contains(first), first != 0x24 else { return nil }
        let folded = bytes.map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 }
        rest = rest[bytes.endIndex...]
        return String(decoding: folded, as: UTF8.self)
    }

    private static func takeQuoted(_ rest: inout Substring) -> String? {
        var name = String.UnicodeScalarView()
        var scalars = rest.unicodeScalars.dropFirst()
        while let scalar = scalars.popFirst() {
            if scalar == "\"" {
                guard scalars.first == "\"" else {
                    rest = Substring(scalars)
                    return name.isEmpty ? nil : String(name)
                }
                scalars.removeFirst()
            }
            name.append(scalar)
        }
        return nil
    }
}
