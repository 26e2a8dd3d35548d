/// A position in the binary form of a value that has parts: an array, a range, a composite.
///
/// It holds no bytes, since a span cannot be kept; each step is given the span and checks its end.
struct ByteCursor {
    private var offset = 0
    /// What is being read, for error messages.
    private let subject: String

    init(_ subject: String) {
        self.subject = subject
    }

    /// - Throws: `decodingFailed` when the value ends before.
    mutating func next<Integer: FixedWidthInteger & BitwiseCopyable>(
        _: Integer.Type,
        in span: RawSpan
    ) throws(PostgresError) -> Integer {
        span.bigEndian(at: try take(MemoryLayout<Integer>.size, of: span).lowerBound)
    }

    /// The next `count` bytes.
    ///
    /// - Throws: `decodingFailed` when the value ends before, or the count is negative.
    mutating func take(_ count: Int, of span: RawSpan) throws(PostgresError) -> Range<Int> {
        guard count >= 0, span.byteCount - offset >= count else {
            throw PostgresError(.decodingFailed, "the \(subject) is cut short")
        }
        defer { offset += count }
        return offset..<offset + count
    }

    /// The next part, which has its length before it; nil for NULL.
    mutating func takeField(of span: RawSpan) throws(PostgresError) -> Range<Int>? {
        let length = try next(Int32.self, in: span)
        return length == -1 ? nil : try take(Int(length), of: span)
    }

    /// Refuses bytes that are left over.
    func expectEnd(of span: RawSpan) throws(PostgresError) {
        guard offset == span.byteCount else {
            throw PostgresError(.decodingFailed, "the \(subject) has \(span.byteCount - offset) bytes after its end")
        }
    }
}
