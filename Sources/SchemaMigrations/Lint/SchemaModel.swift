/// What is known of the schema at one point of the plan, from the statements before it.
///
/// Names without a schema and names in `public` are taken for the same.
struct SchemaModel {
    /// A column, as far as statements told.
    struct Column {
        var type: String
        var modifiers: [Int] = []
        var isNotNull = false
        var hasDefault = false
        /// The migration that added it to a table that was there already.
        var addedIn: Int?
    }

    struct Table {
        /// The migration that made it.
        var createdIn: Int?
        var columns: [String: Column] = [:]
        /// Columns that a validated CHECK proves not to be NULL, by the constraint's name.
        var proofs: [String: (columns: Set<String>, isValid: Bool)] = [:]
        /// Whether a BEFORE INSERT trigger may complete rows.
        var hasInsertTrigger = false
    }

    private(set) var tables: [QualifiedName: Table] = [:]

    subscript(name: QualifiedName) -> Table {
        get { tables[Self.key(name)] ?? Table() }
        set { tables[Self.key(name)] = newValue }
    }

    static func key(_ name: QualifiedName) -> QualifiedName {
        name.schema == "public" ? QualifiedName(name: name.name) : name
    }

    /// Takes in what a statement changes.
    mutating func apply(_ statement: LintStatement, migration: Int) {
        guard let table = statement.table else { return }
        switch statement.type {
        case "CreateStmt", "CreateTableAsStmt":
            create(table, statement.body, migration)
        case "AlterTableStmt":
            for command in statement.commands { alter(table, command, migration) }
        case "CreateTrigStmt":
            // The parser's bits: 2 is BEFORE, 4 is INSERT.
            let isBefore = (statement.body["timing"].integer ?? 0) & 2 != 0
            let onInsert = (statement.body["events"].integer ?? 0) & 4 != 0
            if isBefore, onInsert { self[table].hasInsertTrigger = true }
        default:
            break
        }
    }

    private mutating func create(_ name: QualifiedName, _ body: ParseNode, _ migration: Int) {
        if tables[Self.key(name)]?.createdIn != nil, body["if_not_exists"].isTrue { return }
        var table = Table(createdIn: migration)
        for definition in body["tableElts"].elements.compactMap({ $0.body(of: "ColumnDef") }) {
            let column = ColumnDefinition(definition)
            table.columns[column.name] = column.modelled(addedIn: nil)
        }
        self[name] = table
    }

    private mutating func alter(_ name: QualifiedName, _ command: AlterCommand, _ migration: Int) {
        switch command.subtype {
        case "AT_AddColumn":
            guard let column = command.column else { return }
            let isNew = self[name].createdIn == migration
            self[name].columns[column.name] = column.modelled(addedIn: isNew ? nil : migration)
        case "AT_AddConstraint":
            guard let constraint = command.constraint, constraint.kind == "CONSTR_CHECK" else { return }
            self[name].proofs[constraint.name ?? ""] = (constraint.provenColumns, !constraint.isNotValid)
        case "AT_ValidateConstraint":
            self[name].proofs[command.name ?? ""]?.isValid = true
        case "AT_DropConstraint":
            self[name].proofs[command.name ?? ""] = nil
        case "AT_ColumnDefault":
            self[name].columns[command.name ?? ""]?.hasDefault = command.definition.exists
        case "AT_SetNotNull", "AT_DropNotNull":
            self[name].columns[command.name ?? ""]?.isNotNull = command.subtype == "AT_SetNotNull"
        case "AT_AlterColumnType":
            guard let type = command.column else { return }
            self[name].columns[command.name ?? ""]?.type = type.type
            self[name].columns[command.name ?? ""]?.modifiers = type.modifiers
        default:
            break
        }
    }
}
