/// What the server knows of a type.
public struct PostgresTypeInfo: Sendable, Hashable {
    /// The kinds of types, by the letters of `pg_type.typtype`.
    public enum Kind: String, Sendable, CaseIterable {
        /// A base type, or an array.
        case base = "b"
        /// A composite type, or the row type of a table.
        case composite = "c"
        /// A domain.
        case domain = "d"
        /// An enum.
        case enumeration = "e"
        /// A type for functions, such as `record`.
        case pseudo = "p"
        /// A range type.
        case range = "r"
        /// A multirange type.
        case multirange = "m"
    }

    /// A field of a composite type.
    public struct Field: Sendable, Hashable {
        /// Its name.
        public let name: String
        /// Its type.
        public let type: PostgresType
    }

    /// The type's OID.
    public let type: PostgresType
    /// The schema that it is in.
    public let schema: String
    /// Its name there, as `pg_type.typname` has it: `int4`, not `integer`.
    public let name: String
    /// Its name as SQL writes it, with its schema where the session that looked it up needs one: `integer`.
    public let sqlName: String
    /// What kind of type it is.
    public let kind: Kind
    /// The type of arrays of it; nil when there is none.
    public let arrayType: PostgresType?
    /// The type of its elements where it is an array; otherwise nil.
    public let elementType: PostgresType?
    /// The type beneath a domain; otherwise nil.
    public let baseType: PostgresType?
    /// The labels of an enum, in their order.
    public let labels: [String]
    /// The fields of a composite type, in their order.
    public let fields: [Field]
    /// Whether its binary form is the text: an enum, or a type of strings.
    let isTextual: Bool
}
