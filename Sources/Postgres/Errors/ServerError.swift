/// Every field of an error or notice that the server sent, verbatim.
///
/// Which fields are set depends on the error; the manual's "Error and Notice Message Fields" says what each means.
/// Read with `PQresultErrorField`.
public struct ServerError: Sendable, Hashable {
    /// `ERROR`, `FATAL`, `PANIC`, or for notices `WARNING`, `NOTICE`, `DEBUG`, `INFO`, `LOG`; never translated.
    public var severity: String
    /// The outcome's class and code.
    public var sqlState: SQLState
    /// The primary message, in the server's language.
    public var message: String
    /// More about the problem.
    ///
    /// May hold values of rows.
    public var detail: String?
    /// A suggestion.
    public var hint: String?
    /// Where in the statement the error lies, in characters from 1.
    public var position: Int?
    /// Like ``position``, in ``internalQuery``.
    public var internalPosition: Int?
    /// A statement that the server made itself (in a function, say) and that failed.
    public var internalQuery: String?
    /// The call stack of functions and internally generated statements.
    ///
    /// May hold values.
    public var context: String?
    /// The schema of the object concerned.
    public var schema: String?
    /// The table concerned.
    public var table: String?
    /// The column concerned.
    public var column: String?
    /// The data type concerned.
    public var dataType: String?
    /// The constraint concerned; unique indexes count as constraints.
    public var constraint: String?
    /// The server's source file that reported it.
    public var file: String?
    /// The line in ``file``.
    public var line: Int?
    /// The server's routine that reported it.
    public var routine: String?
}
