/// The parameters of one query, encoded one after the other in one buffer.
@usableFromInline
struct ParameterBuffer: Sendable {
    struct Parameter: Sendable {
        var type: UInt32
        var offset: Int
        /// Bytes, or -1 for NULL.
        var length: Int
        var isText: Bool
    }

    private(set) var parameters: [Parameter] = []
    @usableFromInline
    var encoder = PostgresEncoder()
    /// Which parameters have a type that is known by name, and the name.
    private(set) var named: [(index: Int, name: String)] = []
    /// Interpolation cannot throw; the first failure is thrown when the query runs.
    private(set) var failure: PostgresError?

    /// Makes room, so that parameters of the usual sizes are appended without another allocation.
    init(capacity: Int = 0) {
        parameters.reserveCapacity(capacity)
    }

    var count: Int { parameters.count }
    @inlinable
    var byteCount: Int { encoder.byteCount }

    /// What the protocol's 16-bit count allows.
    static let maximumCount = 65_535
    /// What a value may take in PostgreSQL (1 GiB with its header).
    @usableFromInline
    static var maximumLength: Int { 1 << 30 - 1 }

    /// Inlined where the type is known, so that encoding is specialised for it.
    @inlinable
    mutating func append<Value: PostgresEncodable>(_ value: Value) {
        let offset = byteCount
        do throws(PostgresError) {
            try value.encode(to: &encoder)
        } catch {
            fail(error)
        }
        end(from: offset, Value.postgresType, isText: Value.postgresFormat == .text)
        if let name = Value.postgresTypeName { nameLast(name) }
    }

    @usableFromInline
    mutating func nameLast(_ name: String) {
        named.append((count - 1, name))
    }

    /// Gives the parameters of named types the OIDs that these have in the database.
    ///
    /// - Throws: `encodingFailed` when there is no such type, or the value does not fit it.
    mutating func resolve(_ found: PostgresTypeCatalog.Found) throws(PostgresError) {
        var resolver = TypeResolver(types: found.all, encoder: encoder)
        for (index, name) in named {
            let (offset, length) = (parameters[index].offset, parameters[index].length)
            do throws(PostgresError) {
                guard let info = found.named[name] else {
                    throw PostgresError(.encodingFailed, "the database has no type \(name)")
                }
                if length >= 0 { try resolver.resolve(offset..<offset + length, as: info.type) }
                parameters[index].type = info.type.rawValue
            } catch {
                throw error.inParameter(index + 1)
            }
        }
        encoder = resolver.encoder
    }

    /// Whether another has the same types and values.
    func isSame(as other: ParameterBuffer) -> Bool {
        other.hasTypes(types) && encoder.bytes == other.encoder.bytes
    }

    @usableFromInline
    mutating func fail(_ error: PostgresError) {
        failure = failure ?? error.inParameter(count + 1)
    }

    /// Ends the parameter whose bytes begin at `offset`.
    @usableFromInline
    mutating func end(from offset: Int, _ type: PostgresType, isText: Bool) {
        let isNull = encoder.takeNull()
        let length = encoder.bytes.count - offset
        parameters.append(
            Parameter(
                type: type.rawValue,
                offset: offset,
                length: isNull ? -1 : length,
                isText: isText
            )
        )
        if length > Self.maximumLength {
            fail("parameter $\(count) has \(length) bytes; PostgreSQL's limit is 1 GiB")
        }
        guard isText else { return }
        // libpq takes the length of a text parameter from its NUL.
        if encoder.bytes[offset...].contains(0) { fail("parameter $\(count) is a text with a NUL character") }
        encoder.append(UInt8(0))
    }

    private mutating func fail(_ message: String) {
        failure = failure ?? PostgresError(.encodingFailed, message, nothingWasSent: true)
    }

    /// - Throws: the first failure to encode, or too many parameters.
    func check() throws(PostgresError) {
        if let failure { throw failure }
        guard count <= Self.maximumCount else {
            throw PostgresError(
                .encodingFailed,
                "\(count) parameters are more than \(Self.maximumCount); bind arrays and use unnest(), or COPY",
                nothingWasSent: true
            )
        }
    }

    var types: [UInt32] { parameters.map(\.type) }

    /// Whether the parameters have exactly these types.
    func hasTypes(_ types: [UInt32]) -> Bool {
        parameters.count == types.count && zip(parameters, types).allSatisfy { $0.type == $1 }
    }

    /// Lends the parameters as the four arrays that libpq takes, on the stack.
    func withArrays<R>(_ body: (ParameterArrays) -> R) -> R {
        guard count > 0 else { return unsafe body(ParameterArrays(count: 0, values: nil, lengths: nil, formats: nil)) }
        return unsafe encoder.bytes.withUnsafeBytes { bytes in
            unsafe withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: count) { values in
                unsafe withUnsafeTemporaryAllocation(of: Int32.self, capacity: 2 * count) { numbers in
                    unsafe fill(values, numbers, from: bytes)
                    let base = numbers.baseAddress
                    return unsafe body(
                        ParameterArrays(
                            count: Int32(count),
                            values: values.baseAddress,
                            lengths: base,
                            formats: base.map { unsafe $0 + count }
                        )
                    )
                }
            }
        }
    }

    private func fill(
        _ values: UnsafeMutableBufferPointer<UnsafePointer<CChar>?>,
        _ numbers: UnsafeMutableBufferPointer<Int32>,
        from bytes: UnsafeRawBufferPointer
    ) {
        // An empty value is not NULL: it needs some address, if only that of the array.
        let base = unsafe bytes.baseAddress ?? UnsafeRawPointer(numbers.baseAddress)
        for (index, parameter) in parameters.enumerated() {
            let isNull = parameter.length < 0
            unsafe values.initializeElement(
                at: index,
                to: isNull ? nil : base.map { unsafe ($0 + parameter.offset).assumingMemoryBound(to: CChar.self) }
            )
            unsafe numbers.initializeElement(at: index, to: Int32(max(0, parameter.length)))
            unsafe numbers.initializeElement(at: count + index, to: parameter.isText ? 0 : 1)
        }
    }

}

/// libpq's view of the parameters; valid within the call that lends it.
@unsafe
struct ParameterArrays {
    let count: Int32
    let values: UnsafePointer<UnsafePointer<CChar>?>?
    let lengths: UnsafePointer<Int32>?
    let formats: UnsafePointer<Int32>?
}

extension PostgresError {
    fileprivate func inParameter(_ number: Int) -> PostgresError {
        var copy = self
        copy.message = "parameter $\(number): \(message)"
        copy.nothingWasSent = true
        return copy
    }
}
