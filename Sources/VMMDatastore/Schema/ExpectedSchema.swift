import VMMModel

/// A schema as far as the datastore has to do with it: as it expects it, or as a database has it.
struct SchemaDescription: Hashable, Sendable {
    /// The columns of each table, in order.
    var tables: [String: [ColumnDefinition]]
    /// The labels of each enum type, in order.
    var enums: [String: [String]]

    /// What the datastore's statements need.
    ///
    /// Everything comes from the lists of columns that the statements are made of, and from the enumerations.
    static let expected = SchemaDescription(
        tables: [
            VMM.tableName: ordered(VMM.columns.map(\.definition)),
            LiveMigration.tableName: ordered(LiveMigration.columns.map(\.definition)),
            Instance.tableName: ordered(Instance.columns.map(\.definition) + Instance.otherColumns),
        ],
        enums: Dictionary(
            uniqueKeysWithValues: [
                labels(of: VMMState.Kind.self), labels(of: VMMFailureReason.self), labels(of: VMMCPUPlatform.self),
                labels(of: LiveMigrationState.self), labels(of: InstanceState.Kind.self),
                labels(of: InstanceIntendedState.self), labels(of: InstanceAutoRestartPolicy.self),
                labels(of: InstanceCPUPlatform.self),
            ]
        )
    )

    private static func ordered(_ columns: [ColumnDefinition]) -> [ColumnDefinition] {
        columns.sorted { $0.position < $1.position }
    }

    private static func labels<Values: DatabaseEnum>(of _: Values.Type) -> (String, [String]) {
        (Values.enumName, Values.allCases.map(\.label))
    }

    /// In what a database differs, in the order of names.
    func differences(of found: SchemaDescription, fillable: Set<String> = []) -> [SchemaDifference] {
        var differences: [SchemaDifference] = []
        for (table, columns) in tables.sorted(by: { $0.key < $1.key }) {
            differences += Self.compare(table, columns, found.tables[table] ?? [], fillable)
        }
        for (name, labels) in enums.sorted(by: { $0.key < $1.key }) where found.enums[name] != labels {
            let present = found.enums[name]
            differences.append(
                SchemaDifference(
                    object: "type \(name)",
                    expected: labels.joined(separator: ", "),
                    found: present?.joined(separator: ", "),
                    preventsService: present.map { $0.filter(labels.contains) != labels } ?? true
                )
            )
        }
        return differences
    }

    private static func compare(
        _ table: String,
        _ expected: [ColumnDefinition],
        _ found: [ColumnDefinition],
        _ fillable: Set<String>
    ) -> [SchemaDifference] {
        guard !found.isEmpty else {
            let columns = expected.map(\.name).joined(separator: ", ")
            return [SchemaDifference(object: "table \(table)", expected: columns, found: nil, preventsService: true)]
        }
        let names = (expected + found).map(\.name).uniqued()
        return names.compactMap { name in
            let (wanted, present) = (expected.first { $0.name == name }, found.first { $0.name == name })
            guard wanted != present else { return nil }
            let path = "\(table).\(name)"
            return SchemaDifference(
                object: "column \(path)",
                expected: wanted?.description,
                found: present?.description,
                preventsService: prevents(wanted, present, isFillable: fillable.contains(path))
            )
        }
    }

    /// Columns are found by name, so their order is no obstacle; a column that we do not know is one only if an insert
    /// has to fill it.
    private static func prevents(_ wanted: ColumnDefinition?, _ found: ColumnDefinition?, isFillable: Bool) -> Bool {
        guard let found else { return true }
        guard let wanted else { return !found.isNullable && !isFillable }
        return wanted.type != found.type || wanted.isNullable != found.isNullable
    }
}

extension ColumnDefinition: CustomStringConvertible {
    var description: String { "\(type)\(isNullable ? "" : " NOT NULL"), column \(position)" }
}
