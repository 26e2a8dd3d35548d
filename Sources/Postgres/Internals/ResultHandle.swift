import CLibPQ

/// Owns one `PGresult` and frees it with `PQclear`.
///
/// `@unchecked Sendable`: a complete `PGresult` is never written again (libpq's manual, "Threaded Programs": results are
/// read-only and may be passed between threads), and this class only reads it.
/// `@safe`: the result lives as long as this object does.
@safe
final class ResultHandle: @unchecked Sendable {
    private let result: OpaquePointer
    let status: ExecStatusType
    let rowCount: Int
    let columnCount: Int

    init(_ result: OpaquePointer) {
        unsafe self.result = unsafe result
        status = unsafe PQresultStatus(result)
        rowCount = unsafe Int(PQntuples(result))
        columnCount = unsafe Int(PQnfields(result))
    }

    deinit {
        unsafe PQclear(result)
    }

    /// The command tag, for example `UPDATE 3`.
    var commandTag: String {
        unsafe PQcmdStatus(result).map { unsafe String(cString: $0) } ?? ""
    }

    /// The bytes that the result holds; `PQresultMemorySize`.
    var memorySize: Int { unsafe PQresultMemorySize(result) }

    func columnName(_ column: Int) -> String {
        unsafe PQfname(result, Int32(column)).map { unsafe String(cString: $0) } ?? ""
    }

    func columnType(_ column: Int) -> PostgresType {
        unsafe PostgresType(rawValue: PQftype(result, Int32(column)))
    }

    /// Whether the column came in text form: results of scripts do.
    func isText(_ column: Int) -> Bool {
        unsafe PQfformat(result, Int32(column)) == 0
    }

    /// The value's bytes, or nil for NULL; valid as long as this object.
    ///
    /// Out of range is NULL in libpq; callers check their indices.
    @inline(__always)
    func bytes(row: Int, column: Int) -> UnsafeRawBufferPointer? {
        let row = Int32(truncatingIfNeeded: row)
        let column = Int32(truncatingIfNeeded: column)
        let length = unsafe PQgetlength(result, row, column)
        // A value that is not empty is not NULL: one call less for most values.
        if length == 0, unsafe PQgetisnull(result, row, column) == 1 { return nil }
        return unsafe UnsafeRawBufferPointer(start: PQgetvalue(result, row, column), count: Int(length))
    }

    /// The server's error or notice, when it sent one: a broken connection makes a result without SQLSTATE.
    var serverError: ServerError? { unsafe Self.serverError(of: result) }

    /// libpq's own text; ends with a line feed.
    var errorMessage: String {
        unsafe PQresultErrorMessage(result).map { unsafe String(cString: $0) } ?? ""
    }

    static func serverError(of result: OpaquePointer?) -> ServerError? {
        func field(_ code: Int) -> String? {
            unsafe PQresultErrorField(result, Int32(code)).map { unsafe String(cString: $0) }
        }
        func number(_ code: Int) -> Int? {
            field(code).flatMap { Int($0) }
        }
        guard let state = field(VMM_DIAG_SQLSTATE) else { return nil }
        return ServerError(
            severity: field(VMM_DIAG_SEVERITY) ?? "ERROR",
            sqlState: SQLState(rawValue: state),
            message: field(VMM_DIAG_MESSAGE) ?? "",
            detail: field(VMM_DIAG_DETAIL),
            hint: field(VMM_DIAG_HINT),
            position: number(VMM_DIAG_POSITION),
            internalPosition: number(VMM_DIAG_INTERNAL_POSITION),
            internalQuery: field(VMM_DIAG_INTERNAL_QUERY),
            context: field(VMM_DIAG_CONTEXT),
            schema: field(VMM_DIAG_SCHEMA),
            table: field(VMM_DIAG_TABLE),
            column: field(VMM_DIAG_COLUMN),
            dataType: field(VMM_DIAG_DATATYPE),
            constraint: field(VMM_DIAG_CONSTRAINT),
            file: field(VMM_DIAG_FILE),
            line: number(VMM_DIAG_LINE),
            routine: field(VMM_DIAG_ROUTINE)
        )
    }
}
