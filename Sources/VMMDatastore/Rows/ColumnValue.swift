import Postgres
import VMMModel

/// A type whose values are bound to columns, and which therefore knows what those columns must be.
protocol ColumnValue: PostgresEncodable {
    /// The column's type, as `format_type` spells it.
    static var columnType: String { get }
    /// Whether the column may hold NULL.
    static var isNullable: Bool { get }
}

extension ColumnValue {
    static var isNullable: Bool { false }
}

extension Optional: ColumnValue where Wrapped: ColumnValue {
    static var columnType: String { Wrapped.columnType }
    static var isNullable: Bool { true }
}

extension TypedID: ColumnValue {
    static var columnType: String { "uuid" }
}

extension Timestamp: ColumnValue {
    static var columnType: String { "timestamp with time zone" }
}

extension Generation: ColumnValue {
    static var columnType: String { "bigint" }
}

extension Int64: ColumnValue {
    static var columnType: String { "bigint" }
}

extension IPAddress: ColumnValue {
    static var columnType: String { "inet" }
}

extension PortNumber: ColumnValue {
    static var columnType: String { "integer" }
}

extension String: ColumnValue {
    static var columnType: String { "character varying(63)" }
}
