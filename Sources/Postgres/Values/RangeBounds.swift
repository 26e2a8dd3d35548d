public import Foundation

extension Int32: PostgresRangeBound {
    /// `int4range`.
    public static var postgresRangeType: PostgresType { .int4Range }
    /// `int4range[]`.
    public static var postgresRangeArrayType: PostgresType { .int4RangeArray }
    /// `int4multirange`.
    public static var postgresMultirangeType: PostgresType { .int4Multirange }
    /// `int4multirange[]`.
    public static var postgresMultirangeArrayType: PostgresType { .int4MultirangeArray }
}

extension Int64: PostgresRangeBound {
    /// `int8range`.
    public static var postgresRangeType: PostgresType { .int8Range }
    /// `int8range[]`.
    public static var postgresRangeArrayType: PostgresType { .int8RangeArray }
    /// `int8multirange`.
    public static var postgresMultirangeType: PostgresType { .int8Multirange }
    /// `int8multirange[]`.
    public static var postgresMultirangeArrayType: PostgresType { .int8MultirangeArray }
}

extension Int: PostgresRangeBound {
    /// `int8range`.
    public static var postgresRangeType: PostgresType { .int8Range }
    /// `int8range[]`.
    public static var postgresRangeArrayType: PostgresType { .int8RangeArray }
    /// `int8multirange`.
    public static var postgresMultirangeType: PostgresType { .int8Multirange }
    /// `int8multirange[]`.
    public static var postgresMultirangeArrayType: PostgresType { .int8MultirangeArray }
}

extension PostgresNumeric: PostgresRangeBound {
    /// `numrange`.
    public static var postgresRangeType: PostgresType { .numericRange }
    /// `numrange[]`.
    public static var postgresRangeArrayType: PostgresType { .numericRangeArray }
    /// `nummultirange`.
    public static var postgresMultirangeType: PostgresType { .numericMultirange }
    /// `nummultirange[]`.
    public static var postgresMultirangeArrayType: PostgresType { .numericMultirangeArray }
}

extension Decimal: PostgresRangeBound {
    /// `numrange`.
    public static var postgresRangeType: PostgresType { .numericRange }
    /// `numrange[]`.
    public static var postgresRangeArrayType: PostgresType { .numericRangeArray }
    /// `nummultirange`.
    public static var postgresMultirangeType: PostgresType { .numericMultirange }
    /// `nummultirange[]`.
    public static var postgresMultirangeArrayType: PostgresType { .numericMultirangeArray }
}

extension PostgresDate: PostgresRangeBound {
    /// `daterange`.
    public static var postgresRangeType: PostgresType { .dateRange }
    /// `daterange[]`.
    public static var postgresRangeArrayType: PostgresType { .dateRangeArray }
    /// `datemultirange`.
    public static var postgresMultirangeType: PostgresType { .dateMultirange }
    /// `datemultirange[]`.
    public static var postgresMultirangeArrayType: PostgresType { .dateMultirangeArray }
}

extension PostgresLocalTimestamp: PostgresRangeBound {
    /// `tsrange`.
    public static var postgresRangeType: PostgresType { .timestampRange }
    /// `tsrange[]`.
    public static var postgresRangeArrayType: PostgresType { .timestampRangeArray }
    /// `tsmultirange`.
    public static var postgresMultirangeType: PostgresType { .timestampMultirange }
    /// `tsmultirange[]`.
    public static var postgresMultirangeArrayType: PostgresType { .timestampMultirangeArray }
}

extension PostgresTimestamp: PostgresRangeBound {
    /// `tstzrange`.
    public static var postgresRangeType: PostgresType { .timestamptzRange }
    /// `tstzrange[]`.
    public static var postgresRangeArrayType: PostgresType { .timestamptzRangeArray }
    /// `tstzmultirange`.
    public static var postgresMultirangeType: PostgresType { .timestamptzMultirange }
    /// `tstzmultirange[]`.
    public static var postgresMultirangeArrayType: PostgresType { .timestamptzMultirangeArray }
}

extension Date: PostgresRangeBound {
    /// `tstzrange`.
    public static var postgresRangeType: PostgresType { .timestamptzRange }
    /// `tstzrange[]`.
    public static var postgresRangeArrayType: PostgresType { .timestamptzRangeArray }
    /// `tstzmultirange`.
    public static var postgresMultirangeType: PostgresType { .timestamptzMultirange }
    /// `tstzmultirange[]`.
    public static var postgresMultirangeArrayType: PostgresType { .timestamptzMultirangeArray }
}
