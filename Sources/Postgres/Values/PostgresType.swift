/// The object identifier (OID) of a PostgreSQL type.
///
/// The constants are types that every server numbers alike; enums, composites and domains get their numbers when they
/// are created, so a parameter of such a type is sent as ``unknown`` and the server infers it from the statement.
public struct PostgresType: RawRepresentable, Hashable, Sendable {
    /// The OID, as in `pg_type.oid`.
    public let rawValue: UInt32

    /// Wraps an OID.
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// Not stated: the server infers the type.
    public static let unknown = PostgresType(rawValue: 0)
    /// `boolean`.
    public static let bool = PostgresType(rawValue: 16)
    /// `bytea`.
    public static let bytea = PostgresType(rawValue: 17)
    /// `"char"`, the one-byte type of the catalogs.
    public static let char = PostgresType(rawValue: 18)
    /// `name`, identifiers in the catalogs.
    public static let name = PostgresType(rawValue: 19)
    /// `bigint`.
    public static let int8 = PostgresType(rawValue: 20)
    /// `smallint`.
    public static let int2 = PostgresType(rawValue: 21)
    /// `integer`.
    public static let int4 = PostgresType(rawValue: 23)
    /// `text`.
    public static let text = PostgresType(rawValue: 25)
    /// `oid`.
    public static let oid = PostgresType(rawValue: 26)
    /// `json`.
    public static let json = PostgresType(rawValue: 114)
    /// `xid`, a 32-bit transaction number.
    public static let xid = PostgresType(rawValue: 28)
    /// `real`.
    public static let float4 = PostgresType(rawValue: 700)
    /// `double precision`.
    public static let float8 = PostgresType(rawValue: 701)
    /// A string literal whose type nothing settled.
    public static let unknownLiteral = PostgresType(rawValue: 705)
    /// `inet`, an address with an optional prefix length.
    public static let inet = PostgresType(rawValue: 869)
    /// `cidr`, a network.
    public static let cidr = PostgresType(rawValue: 650)
    /// `char(n)`.
    public static let bpchar = PostgresType(rawValue: 1042)
    /// `varchar`.
    public static let varchar = PostgresType(rawValue: 1043)
    /// `timestamp with time zone`.
    public static let timestamptz = PostgresType(rawValue: 1184)
    /// `uuid`.
    public static let uuid = PostgresType(rawValue: 2950)
    /// `xid8`, a 64-bit transaction number.
    public static let xid8 = PostgresType(rawValue: 5069)
    /// `jsonb`.
    public static let jsonb = PostgresType(rawValue: 3802)
    /// `numeric`.
    public static let numeric = PostgresType(rawValue: 1700)
    /// `date`.
    public static let date = PostgresType(rawValue: 1082)
    /// `time without time zone`.
    public static let time = PostgresType(rawValue: 1083)
    /// `time with time zone`.
    public static let timetz = PostgresType(rawValue: 1266)
    /// `timestamp without time zone`.
    public static let timestamp = PostgresType(rawValue: 1114)
    /// `interval`.
    public static let interval = PostgresType(rawValue: 1186)
    /// `macaddr`, a hardware address of 6 bytes.
    public static let macaddr = PostgresType(rawValue: 829)
    /// `macaddr8`, a hardware address of 8 bytes.
    public static let macaddr8 = PostgresType(rawValue: 774)
    /// `bit(n)`.
    public static let bit = PostgresType(rawValue: 1560)
    /// `bit varying`.
    public static let varbit = PostgresType(rawValue: 1562)
    /// `record`, a composite without a name.
    public static let record = PostgresType(rawValue: 2249)
    /// `int4range`.
    public static let int4Range = PostgresType(rawValue: 3904)
    /// `numrange`.
    public static let numericRange = PostgresType(rawValue: 3906)
    /// `tsrange`.
    public static let timestampRange = PostgresType(rawValue: 3908)
    /// `tstzrange`.
    public static let timestamptzRange = PostgresType(rawValue: 3910)
    /// `daterange`.
    public static let dateRange = PostgresType(rawValue: 3912)
    /// `int8range`.
    public static let int8Range = PostgresType(rawValue: 3926)
    /// `int4multirange`.
    public static let int4Multirange = PostgresType(rawValue: 4451)
    /// `nummultirange`.
    public static let numericMultirange = PostgresType(rawValue: 4532)
    /// `tsmultirange`.
    public static let timestampMultirange = PostgresType(rawValue: 4533)
    /// `tstzmultirange`.
    public static let timestamptzMultirange = PostgresType(rawValue: 4534)
    /// `datemultirange`.
    public static let dateMultirange = PostgresType(rawValue: 4535)
    /// `int8multirange`.
    public static let int8Multirange = PostgresType(rawValue: 4536)
    /// `boolean[]`.
    public static let boolArray = PostgresType(rawValue: 1000)
    /// `bytea[]`.
    public static let byteaArray = PostgresType(rawValue: 1001)
    /// `smallint[]`.
    public static let int2Array = PostgresType(rawValue: 1005)
    /// `integer[]`.
    public static let int4Array = PostgresType(rawValue: 1007)
    /// `text[]`.
    public static let textArray = PostgresType(rawValue: 1009)
    /// `bigint[]`.
    public static let int8Array = PostgresType(rawValue: 1016)
    /// `double precision[]`.
    public static let float8Array = PostgresType(rawValue: 1022)
    /// `inet[]`.
    public static let inetArray = PostgresType(rawValue: 1041)
    /// `timestamp with time zone[]`.
    public static let timestamptzArray = PostgresType(rawValue: 1185)
    /// `uuid[]`.
    public static let uuidArray = PostgresType(rawValue: 2951)
    /// `"char"[]`.
    public static let charArray = PostgresType(rawValue: 1002)
    /// `name[]`.
    public static let nameArray = PostgresType(rawValue: 1003)
    /// `oid[]`.
    public static let oidArray = PostgresType(rawValue: 1028)
    /// `xid[]`.
    public static let xidArray = PostgresType(rawValue: 1011)
    /// `xid8[]`.
    public static let xid8Array = PostgresType(rawValue: 271)
    /// `real[]`.
    public static let float4Array = PostgresType(rawValue: 1021)
    /// `varchar[]`.
    public static let varcharArray = PostgresType(rawValue: 1015)
    /// `char(n)[]`.
    public static let bpcharArray = PostgresType(rawValue: 1014)
    /// `cidr[]`.
    public static let cidrArray = PostgresType(rawValue: 651)
    /// `json[]`.
    public static let jsonArray = PostgresType(rawValue: 199)
    /// `jsonb[]`.
    public static let jsonbArray = PostgresType(rawValue: 3807)
    /// `numeric[]`.
    public static let numericArray = PostgresType(rawValue: 1231)
    /// `date[]`.
    public static let dateArray = PostgresType(rawValue: 1182)
    /// `time[]`.
    public static let timeArray = PostgresType(rawValue: 1183)
    /// `timetz[]`.
    public static let timetzArray = PostgresType(rawValue: 1270)
    /// `timestamp[]`.
    public static let timestampArray = PostgresType(rawValue: 1115)
    /// `interval[]`.
    public static let intervalArray = PostgresType(rawValue: 1187)
    /// `macaddr[]`.
    public static let macaddrArray = PostgresType(rawValue: 1040)
    /// `macaddr8[]`.
    public static let macaddr8Array = PostgresType(rawValue: 775)
    /// `bit(n)[]`.
    public static let bitArray = PostgresType(rawValue: 1561)
    /// `bit varying[]`.
    public static let varbitArray = PostgresType(rawValue: 1563)
    /// `record[]`.
    public static let recordArray = PostgresType(rawValue: 2287)
    /// `int4range[]`.
    public static let int4RangeArray = PostgresType(rawValue: 3905)
    /// `numrange[]`.
    public static let numericRangeArray = PostgresType(rawValue: 3907)
    /// `tsrange[]`.
    public static let timestampRangeArray = PostgresType(rawValue: 3909)
    /// `tstzrange[]`.
    public static let timestamptzRangeArray = PostgresType(rawValue: 3911)
    /// `daterange[]`.
    public static let dateRangeArray = PostgresType(rawValue: 3913)
    /// `int8range[]`.
    public static let int8RangeArray = PostgresType(rawValue: 3927)
    /// `int4multirange[]`.
    public static let int4MultirangeArray = PostgresType(rawValue: 6150)
    /// `nummultirange[]`.
    public static let numericMultirangeArray = PostgresType(rawValue: 6151)
    /// `tsmultirange[]`.
    public static let timestampMultirangeArray = PostgresType(rawValue: 6152)
    /// `tstzmultirange[]`.
    public static let timestamptzMultirangeArray = PostgresType(rawValue: 6153)
    /// `datemultirange[]`.
    public static let dateMultirangeArray = PostgresType(rawValue: 6155)
    /// `int8multirange[]`.
    public static let int8MultirangeArray = PostgresType(rawValue: 6157)

    /// The first OID that is not built in: types from here on were created in this database.
    static let firstUserDefined: UInt32 = 16384

    /// Whether the type was created by a user or an extension (an enum, a composite, a domain over one).
    public var isUserDefined: Bool { rawValue >= Self.firstUserDefined }
}
