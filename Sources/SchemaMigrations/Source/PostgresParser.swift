import CPGQuery
import Foundation

/// PostgreSQL's own scanner and parser, from libpg_query: the only reader of SQL in the engine.
///
/// All offsets are bytes. The library keeps its state per thread and every call is complete in itself, so any thread
/// may call. Texts must not hold NUL bytes; ``SQLFile`` sees to that, and a text that does is refused here.
enum PostgresParser {
    /// The release whose grammar is linked in.
    static let majorVersion = PG_MAJORVERSION

    /// One lexical element.
    struct Token: Equatable {
        enum Kind: Equatable {
            /// A word that the grammar knows, whether or not it is used as a name here.
            case keyword
            /// A `--` or `/* */` comment.
            case comment
            /// One of the characters that stand for themselves, such as `(`, `;` and `\`.
            case punctuation(UInt8)
            /// Names, constants and the longer operators.
            case other
        }

        let kind: Kind
        let range: Range<Int>
    }

    /// Why a text could not be read.
    struct Failure: Error, Equatable {
        let message: String
        /// Where, as the server would count: from 1, in characters; 0 if unknown.
        let position: Int
    }

    /// Splits a text into tokens.
    ///
    /// - Throws: ``Failure`` for what no release of PostgreSQL could read, such as a quote that is never closed.
    static func scan(_ bytes: some Collection<UInt8>) throws(Failure) -> [Token] {
        let text = try terminated(bytes)
        let result = text.withUnsafeBufferPointer { pg_query_scan($0.baseAddress) }
        defer { pg_query_free_scan_result(result) }
        if let error = result.error { throw failure(error.pointee) }
        guard let data = result.pbuf.data else { return [] }
        let message = UnsafeRawBufferPointer(start: data, count: result.pbuf.len)
        guard let spans = ScanMessage.tokens(in: message) else {
            throw Failure(message: "the scanner's answer could not be decoded", position: 0)
        }
        // The library writes into a text's copy only; offsets are checked because they are about to be subscripts.
        let count = text.count - 1
        return spans.compactMap { span in
            guard span.range.lowerBound < span.range.upperBound, span.range.upperBound <= count else { return nil }
            return Token(kind: kind(of: span, in: text), range: span.range)
        }
    }

    /// Parses one statement.
    ///
    /// Gives `nil` for a text with no statement in it.
    ///
    /// - Throws: ``Failure`` when the grammar does not know the statement, or when it is nested too deeply or too long
    ///   to be looked into; a newer server may still accept it.
    static func parse(_ bytes: some Collection<UInt8>) throws(Failure) -> ParseNode? {
        let text = try terminated(bytes)
        let result = text.withUnsafeBufferPointer { pg_query_parse($0.baseAddress) }
        defer { pg_query_free_parse_result(result) }
        if let error = result.error { throw failure(error.pointee) }
        guard let json = result.parse_tree else { return nil }
        let data = Data(bytesNoCopy: json, count: strlen(json), deallocator: .none)
        guard let tree = try? JSONSerialization.jsonObject(with: data) else {
            throw Failure(message: "the statement is nested too deeply to be looked into", position: 0)
        }
        return ParseNode(tree)["stmts"].elements.first?["stmt"]
    }

    /// Parses the PL/pgSQL body of a DO statement; `nil` when it is in another language or cannot be read.
    static func parseBlock(_ bytes: some Collection<UInt8>) -> ParseNode? {
        guard let text = try? terminated(bytes) else { return nil }
        let result = text.withUnsafeBufferPointer { pg_query_parse_plpgsql($0.baseAddress) }
        defer { pg_query_free_plpgsql_parse_result(result) }
        guard result.error == nil, let json = result.plpgsql_funcs else { return nil }
        let data = Data(bytesNoCopy: json, count: strlen(json), deallocator: .none)
        return (try? JSONSerialization.jsonObject(with: data)).map { ParseNode($0) }
    }

    private static func terminated(_ bytes: some Collection<UInt8>) throws(Failure) -> [CChar] {
        guard !bytes.contains(0) else { throw Failure(message: "the text holds a NUL byte", position: 0) }
        var text: [CChar] = []
        text.reserveCapacity(bytes.count + 1)
        text.append(contentsOf: bytes.lazy.map { CChar(bitPattern: $0) })
        text.append(0)
        return text
    }

    private static func failure(_ error: PgQueryError) -> Failure {
        let message = error.message.map { String(cString: $0) } ?? "unknown error"
        return Failure(message: message, position: Int(error.cursorpos))
    }

    private static func kind(of span: ScanMessage.Span, in text: [CChar]) -> Token.Kind {
        let first = UInt8(bitPattern: text[span.range.lowerBound])
        if span.isKeyword { return .keyword }
        if span.range.count == 1 && span.token == Int(first) { return .punctuation(first) }
        // Told by the text, not by the token's number: numbers change with every release of the grammar. No operator
        // can begin like a comment.
        guard span.range.count >= 2 else { return .other }
        switch (first, UInt8(bitPattern: text[span.range.lowerBound + 1])) {
        case (0x2D, 0x2D), (0x2F, 0x2A): return .comment
        default: return .other
        }
    }
}

/// The scanner's answer, a small Protocol Buffers message: field 2 repeats tokens of four integers.
enum ScanMessage {
    struct Span: Equatable {
        var start = 0
        var end = 0
        var token = 0
        var isKeyword = false
        var range: Range<Int> { start..<max(start, end) }
    }

    /// Decodes the message; `nil` if it is malformed.
    static func tokens(in message: UnsafeRawBufferPointer) -> [Span]? {
        var reader = Reader(bytes: message[...])
        var spans: [Span] = []
        while !reader.bytes.isEmpty {
            guard let field = reader.field() else { return nil }
            guard case .bytes(let body) = field.value, field.number == 2 else { continue }
            guard let span = span(in: body) else { return nil }
            spans.append(span)
        }
        return spans
    }

    private static func span(in body: Slice<UnsafeRawBufferPointer>) -> Span? {
        var reader = Reader(bytes: body)
        var span = Span()
        while !reader.bytes.isEmpty {
            guard let field = reader.field(), case .integer(let value) = field.value,
                let number = Int(exactly: value)
            else { return nil }
            switch field.number {
            case 1: span.start = number
            case 2: span.end = number
            case 4: span.token = number
            case 5: span.isKeyword = number != 0
            default: break
            }
        }
        return span
    }

    private struct Reader {
        enum Value {
            case integer(UInt64)
            case bytes(Slice<UnsafeRawBufferPointer>)
        }

        var bytes: Slice<UnsafeRawBufferPointer>

        mutating func field() -> (number: UInt64, value: Value)? {
            guard let key = integer() else { return nil }
            switch key & 7 {
            case 0:
                return integer().map { (key >> 3, .integer($0)) }
            case 2:
                guard let length = integer(), length <= UInt64(bytes.count) else { return nil }
                let body = bytes.prefix(Int(length))
                bytes = bytes.dropFirst(Int(length))
                return (key >> 3, .bytes(body))
            default:
                return nil
            }
        }

        private mutating func integer() -> UInt64? {
            var value: UInt64 = 0
            var shift: UInt64 = 0
            while shift < 64, let byte = bytes.popFirst() {
                value |= UInt64(byte & 0x7F) << shift
                if byte < 0x80 { return value }
                shift += 7
            }
            return nil
        }
    }
}

/// One node of a parse tree; what is absent reads as nothing.
struct ParseNode {
    let value: Any?

    init(_ value: Any?) {
        self.value = value
    }

    subscript(name: String) -> ParseNode { ParseNode((value as? [String: Any])?[name]) }

    /// The members of a list; none for anything else.
    var elements: [ParseNode] { (value as? [Any])?.map { ParseNode($0) } ?? [] }
    var string: String? { value as? String }
    var integer: Int? { (value as? NSNumber)?.intValue }
    var isTrue: Bool { (value as? NSNumber)?.boolValue ?? false }
    var exists: Bool { value != nil }

    /// The node's type and content, for the objects with one member that stand for typed nodes.
    var typed: (type: String, body: ParseNode)? {
        guard let object = value as? [String: Any], object.count == 1, let member = object.first else { return nil }
        return (member.key, ParseNode(member.value))
    }

    /// The content, if the node has this type.
    func body(of type: String) -> ParseNode? {
        typed.flatMap { $0.type == type ? $0.body : nil }
    }

    /// The nodes directly below this one, members of objects by their names.
    var children: [ParseNode] {
        if let object = value as? [String: Any] { return object.sorted { $0.key < $1.key }.map { ParseNode($0.value) } }
        return elements
    }
}
