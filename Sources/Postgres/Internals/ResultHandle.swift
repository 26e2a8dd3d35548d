import CLibPQ

/// Owns one `PGresult` and frees it with `PQclear`.
///
/// `@unchecked Sendable`: a complete `PGresult` is never written again (libpq's manual, "Threaded Programs": results are
/// read-only and may be passed between threads), and this class only reads it.
final class ResultHandle: @unchecked Sendable {
    private let result: OpaquePointer
    let status: ExecStatusType
    let rowCount: Int
    let columnCount: Int

    init(_ result: OpaquePointer) {
        self.result = result
        status = PQresultStatus(result)
        rowCount = Int(PQntuples(result))
        columnCount = Int(PQnfields(result))
    }

    deinit {
        PQclear(result)
    }

    /// The command tag, for example `UPDATE 3`.
    var commandTag: String {
        PQcmdStatus(result).map { String(cString: $0) } ?? ""
    }

    /// The bytes that the result holds; `PQresultMemorySize`.
    var memorySize: Int { PQresultMemorySize(result) }

    func columnName(_ column: Int) -> String {
        PQfname(result, Int32(column)).map { String(cString: $0) } ?? ""
    }

    func columnType(_ column: Int) -> PostgresType {
        PostgresType(rawValue: PQftype(result, Int32(column)))
    }

    /// Whether the column came in text form: results of scripts do.
    func isText(_ column: Int) -> Bool {
        PQfformat(result, Int32(column)) == 0
    }

    /// The value's bytes, or nil for NULL; valid as long as this object.
    ///
    /// Out of range is NULL in libpq; callers check their indices.
    @inline(__always)
    func bytes(row: Int, column: Int) -> UnsafeRawBufferPointer? {
        let row = Int32(truncatingIfNeeded: row)
        let column = Int32(truncatingIfNeeded: column)
        let length = PQgetlength(result, row, column)
        // A value that is not empty is not NULL: one call less for most values.
        if length == 0, PQgetisnull(result, row, column) == 1 { return nil }
        return UnsafeRawBufferPointer(start: PQgetvalue(result, row, column), count: Int(length))
    }

    /// The server's error or notice, when it sent one: a broken connection makes a result without SQLSTATE.
    var serverError: ServerError? { Self.serverError(of: result) }

    /// libpq's own text; ends with a line feed.
    var errorMessage: String {
        PQresultErrorMessage(result).map { String(cString: $0) } ?? ""
    }

    static func serverError(of result: OpaquePointer?) -> ServerError? {
        func field(_ code: Int) -> String? {
            PQresultErrorField(result, Int32(code)).map { String(cString: $0) }
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
