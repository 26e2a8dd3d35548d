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

    /// The first OID that is not built in: types from here on were created in this database.
    static let firstUserDefined: UInt32 = 16384

    /// Whether the type was created by a user or an extension (an enum, a composite, a domain over one).
    public var isUserDefined: Bool { rawValue >= Self.firstUserDefined }
}
