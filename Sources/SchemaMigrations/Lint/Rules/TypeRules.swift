/// Rules about types that are regretted later.
enum TypeRules {
    static let all = [json, char, timestamp, smallKey, serial, longName]

    static let json = LintRule(
        "json-column",
        "a column of type json",
        safer: "jsonb"
    ) { subject in
        columns(subject) {
            $0.type == "json"
        } why: { _ in
            "json has no equality: SELECT DISTINCT, GROUP BY and UNION over the table fail"
        }
    }

    static let char = LintRule(
        "char-column",
        "a column of type char(n)",
        safer: "text, with a CHECK on its length if that matters"
    ) { subject in
        columns(subject) {
            $0.type == "bpchar"
        } why: { _ in
            "values are padded with spaces, which comparisons then ignore: neither faster nor smaller than text"
        }
    }

    static let timestamp = LintRule(
        "timestamp-without-time-zone",
        "a column of type timestamp without time zone",
        safer: "timestamptz, which stores an instant in the same eight bytes"
    ) { subject in
        columns(subject) {
            $0.type == "timestamp"
        } why: { _ in
            "the same value means another instant in every session with another time zone"
        }
    }

    static let smallKey = LintRule(
        "small-key",
        "a primary key that runs out of numbers",
        safer: "bigint"
    ) { subject in
        let small: Set = ["int4", "int2", "serial", "serial4", "serial2", "smallserial"]
        let keys = subject.body["tableElts"].elements.compactMap { $0.body(of: "Constraint") }
            .filter { $0["contype"].string == "CONSTR_PRIMARY" }.flatMap { $0["keys"].elements }
            .compactMap { $0.body(of: "String")?["sval"].string }
        let single = keys.count == 1 ? keys.first : nil
        return columns(subject) { column in
            small.contains(column.type)
                && (column.isKey || column.isSerial || column.has("CONSTR_IDENTITY") || column.name == single)
        } why: {
            "\($0.type) ends at \($0.type.contains("2") || $0.type.contains("small") ? "32,767" : "2,147,483,647"), "
                + "and widening it rewrites the table"
        }
    }

    static let serial = LintRule(
        "serial-column",
        "a serial column",
        safer: "bigint GENERATED ALWAYS AS IDENTITY"
    ) { subject in
        columns(subject) {
            $0.isSerial
        } why: { _ in
            "its sequence has rights and an owner of its own, and any INSERT may overrule it by accident"
        }
    }

    static let longName = LintRule(
        "identifier-too-long",
        "a name that PostgreSQL cuts off",
        safer: "a name of at most 63 bytes"
    ) { subject in
        subject.statement.longNames.map {
            LintRemark(why: "names are cut after 63 bytes, in silence, and may then collide", offset: $0)
        }
    }

    private static func columns(
        _ subject: LintSubject,
        where isMeant: (ColumnDefinition) -> Bool,
        why: (ColumnDefinition) -> String
    ) -> [LintRemark] {
        subject.statement.newColumns.filter(isMeant).map {
            LintRemark(why: why($0), offset: $0.offset, table: subject.statement.table)
        }
    }
}
