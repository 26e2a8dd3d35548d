/// One parsed statement, and how the rules ask about it.
struct LintStatement {
    let tree: ParseNode
    let type: String
    let body: ParseNode
    let effects: StatementEffects
    /// Where it begins in its file, in bytes.
    let offset: Int
    /// Where names stand that PostgreSQL cuts off, in bytes from the beginning of the statement.
    var longNames: [Int] = []

    init?(_ tree: ParseNode, offset: Int) {
        guard let (type, body) = tree.typed else { return nil }
        self.tree = tree
        self.type = type
        self.body = body
        self.offset = offset
        effects = StatementEffects(of: tree)
    }

    /// The table that the statement is about.
    var table: QualifiedName? {
        switch type {
        case "CreateTableAsStmt": StatementEffects.name(of: body["into"]["rel"])
        default: StatementEffects.name(of: body["relation"])
        }
    }

    /// The commands of an ALTER TABLE.
    var commands: [AlterCommand] {
        guard type == "AlterTableStmt" else { return [] }
        return body["cmds"].elements.compactMap { $0.body(of: "AlterTableCmd") }.map(AlterCommand.init)
    }

    /// Columns that the statement gives to a table, new or there already.
    var newColumns: [ColumnDefinition] {
        if type == "CreateStmt" {
            return body["tableElts"].elements.compactMap { $0.body(of: "ColumnDef") }.map(ColumnDefinition.init)
        }
        return commands.filter { $0.subtype == "AT_AddColumn" }.compactMap(\.column)
    }

    /// Whether an option, as in `VACUUM (FULL)`, is given.
    func hasOption(_ name: String, in list: String) -> Bool {
        body[list].elements.contains { $0.body(of: "DefElem")?["defname"].string == name }
    }
}

/// One command of an ALTER TABLE.
struct AlterCommand {
    let subtype: String
    /// The column or constraint that is named.
    let name: String?
    let definition: ParseNode

    init(_ body: ParseNode) {
        subtype = body["subtype"].string ?? ""
        name = body["name"].string
        definition = body["def"]
    }

    var column: ColumnDefinition? { definition.body(of: "ColumnDef").map(ColumnDefinition.init) }
    var constraint: ConstraintDefinition? { definition.body(of: "Constraint").map(ConstraintDefinition.init) }
}

/// A column as a statement defines it.
struct ColumnDefinition {
    let name: String
    /// The type's own name, as `int4` and `timestamptz` are after parsing.
    let type: String
    let modifiers: [Int]
    let constraints: [ConstraintDefinition]
    let offset: Int
    /// Whether values go through an expression, as `USING` has it.
    let isConverted: Bool

    init(_ body: ParseNode) {
        isConverted = body["raw_default"].exists
        name = body["colname"].string ?? ""
        let names = body["typeName"]["names"].elements.compactMap { $0.body(of: "String")?["sval"].string }
        type = names.last ?? ""
        modifiers = body["typeName"]["typmods"].elements.compactMap {
            $0.body(of: "A_Const").map { $0["ival"]["ival"].integer ?? 0 }
        }
        constraints = body["constraints"].elements.compactMap { $0.body(of: "Constraint") }
            .map(ConstraintDefinition.init)
        offset = body["location"].integer ?? 0
    }

    func has(_ kind: String) -> Bool { constraints.contains { $0.kind == kind } }

    var isSerial: Bool { ["serial", "bigserial", "smallserial", "serial4", "serial8", "serial2"].contains(type) }
    var isKey: Bool { has("CONSTR_PRIMARY") }
    var isNotNull: Bool { has("CONSTR_NOTNULL") || isKey }
    /// Whether an INSERT that does not name the column gives it a value.
    var hasDefault: Bool {
        isSerial || has("CONSTR_IDENTITY") || has("CONSTR_GENERATED")
            || constraints.contains { $0.kind == "CONSTR_DEFAULT" && !$0.isNullDefault }
    }

    func modelled(addedIn migration: Int?) -> SchemaModel.Column {
        SchemaModel.Column(
            type: type,
            modifiers: modifiers,
            isNotNull: isNotNull,
            hasDefault: hasDefault,
            addedIn: migration
        )
    }
}

/// A constraint as a statement defines it.
struct ConstraintDefinition {
    let body: ParseNode

    init(_ body: ParseNode) {
        self.body = body
    }

    var kind: String { body["contype"].string ?? "" }
    var name: String? { body["conname"].string }
    var isNotValid: Bool { body["skip_validation"].isTrue }
    var usesIndex: Bool { body["indexname"].exists }
    var offset: Int { body["location"].integer ?? 0 }
    var isNullDefault: Bool { body["raw_expr"].body(of: "A_Const")?["isnull"].isTrue ?? false }

    /// The columns that a CHECK of the form `a IS NOT NULL AND b IS NOT NULL AND …` proves not to be NULL.
    var provenColumns: Set<String> { Self.proven(by: body["raw_expr"]) }

    /// The columns of which an expression asks, anywhere, whether they are NULL.
    var columnsTestedForNull: Set<String> {
        Set(TreeSearch.bodies(of: "NullTest", in: body["raw_expr"]).compactMap { TreeSearch.columnName($0["arg"]) })
    }

    /// The columns that the expression mentions.
    var columns: Set<String> {
        Set(TreeSearch.bodies(of: "ColumnRef", in: body["raw_expr"]).compactMap(TreeSearch.lastField))
    }

    private static func proven(by expression: ParseNode) -> Set<String> {
        if let test = expression.body(of: "NullTest"), test["nulltesttype"].string == "IS_NOT_NULL" {
            return Set([TreeSearch.columnName(test["arg"])].compactMap { $0 })
        }
        guard let both = expression.body(of: "BoolExpr"), both["boolop"].string == "AND_EXPR" else { return [] }
        return both["args"].elements.reduce(into: []) { $0.formUnion(proven(by: $1)) }
    }
}

/// Finds nodes anywhere in a tree.
enum TreeSearch {
    static func bodies(of type: String, in tree: ParseNode) -> [ParseNode] {
        var found: [ParseNode] = []
        var rest = [tree]
        while let node = rest.popLast() {
            if let body = node.body(of: type) { found.append(body) }
            rest += node.children
        }
        return found
    }

    static func columnName(_ node: ParseNode) -> String? { node.body(of: "ColumnRef").flatMap(lastField) }

    static func lastField(_ reference: ParseNode) -> String? {
        reference["fields"].elements.last?.body(of: "String")?["sval"].string
    }
}
