extension PostgresType {
    /// The built-in types that have arrays, their arrays, and their names as `format_type` gives them.
    private static let builtIn: [(type: PostgresType, array: PostgresType, name: String)] = [
        (.bool, .boolArray, "boolean"),
        (.bytea, .byteaArray, "bytea"),
        (.char, .charArray, "\"char\""),
        (.name, .nameArray, "name"),
        (.int8, .int8Array, "bigint"),
        (.int2, .int2Array, "smallint"),
        (.int4, .int4Array, "integer"),
        (.text, .textArray, "text"),
        (.oid, .oidArray, "oid"),
        (.xid, .xidArray, "xid"),
        (.xid8, .xid8Array, "xid8"),
        (.json, .jsonArray, "json"),
        (.jsonb, .jsonbArray, "jsonb"),
        (.float4, .float4Array, "real"),
        (.float8, .float8Array, "double precision"),
        (.inet, .inetArray, "inet"),
        (.cidr, .cidrArray, "cidr"),
        (.macaddr, .macaddrArray, "macaddr"),
        (.macaddr8, .macaddr8Array, "macaddr8"),
        (.bpchar, .bpcharArray, "character"),
        (.varchar, .varcharArray, "character varying"),
        (.date, .dateArray, "date"),
        (.time, .timeArray, "time without time zone"),
        (.timetz, .timetzArray, "time with time zone"),
        (.timestamp, .timestampArray, "timestamp without time zone"),
        (.timestamptz, .timestamptzArray, "timestamp with time zone"),
        (.interval, .intervalArray, "interval"),
        (.numeric, .numericArray, "numeric"),
        (.uuid, .uuidArray, "uuid"),
        (.bit, .bitArray, "bit"),
        (.varbit, .varbitArray, "bit varying"),
        (.record, .recordArray, "record"),
        (.int4Range, .int4RangeArray, "int4range"),
        (.numericRange, .numericRangeArray, "numrange"),
        (.timestampRange, .timestampRangeArray, "tsrange"),
        (.timestamptzRange, .timestamptzRangeArray, "tstzrange"),
        (.dateRange, .dateRangeArray, "daterange"),
        (.int8Range, .int8RangeArray, "int8range"),
        (.int4Multirange, .int4MultirangeArray, "int4multirange"),
        (.numericMultirange, .numericMultirangeArray, "nummultirange"),
        (.timestampMultirange, .timestampMultirangeArray, "tsmultirange"),
        (.timestamptzMultirange, .timestamptzMultirangeArray, "tstzmultirange"),
        (.dateMultirange, .dateMultirangeArray, "datemultirange"),
        (.int8Multirange, .int8MultirangeArray, "int8multirange"),
    ]

    private static let elements = [PostgresType: PostgresType](
        builtIn.map { ($0.array, $0.type) },
        uniquingKeysWith: { first, _ in first }
    )

    private static let names = [PostgresType: String](
        builtIn.flatMap { [($0.type, $0.name), ($0.array, $0.name + "[]")] },
        uniquingKeysWith: { first, _ in first }
    )

    /// The type of the elements of a built-in array type; nil for other types, and for arrays of the database's own.
    public var elementType: PostgresType? { Self.elements[self] }

    /// The type of the bounds of a built-in range or multirange type; nil for other types.
    public var boundType: PostgresType? {
        switch self {
        case .int4Range, .int4Multirange: .int4
        case .int8Range, .int8Multirange: .int8
        case .numericRange, .numericMultirange: .numeric
        case .dateRange, .dateMultirange: .date
        case .timestampRange, .timestampMultirange: .timestamp
        case .timestamptzRange, .timestamptzMultirange: .timestamptz
        default: nil
        }
    }
}

extension PostgresType: CustomStringConvertible {
    /// The name of a built-in type, `integer[]`, and otherwise `OID 16402`.
    public var description: String { Self.names[self] ?? "OID \(rawValue)" }
}
