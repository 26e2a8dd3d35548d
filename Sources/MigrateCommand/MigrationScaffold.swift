import SchemaMigrations

/// The files of a new migration.
struct MigrationScaffold {
    let name: String
    let isOnline: Bool

    /// The files' names and texts, in the order in which they are applied.
    var files: [(name: String, text: String)] {
        guard isOnline else { return [("up.sql", Self.up)] }
        return [
            ("01_add_column.sql", Self.addColumn), ("02_complete_old_writers.sql", completeOldWriters),
            ("03_backfill.sql", Self.backfill), ("04_check_not_valid.sql", Self.check),
            ("05_validate.sql", Self.validate), ("down.sql", down), ("verify.sql", Self.verify),
        ]
    }

    /// The version after the newest, as wide as that is written, at least four digits.
    ///
    /// - Throws: ``MigrationError`` when there is no next number.
    static func nextVersion(after folders: [String]) throws(MigrationError) -> String {
        let versions = folders.compactMap { folder -> (number: Int64, width: Int)? in
            let digits = folder.prefix { $0.isASCII && $0.isNumber }
            guard folder.dropFirst(digits.count).hasPrefix("_"), let version = MigrationVersion(digits) else {
                return nil
            }
            return (version.number, digits.count)
        }
        let newest = versions.max { $0.number < $1.number } ?? (0, 4)
        guard newest.number < Int64.max else {
            throw MigrationError(.cannotCreate, "there is no version after the newest")
        }
        let digits = String(newest.number + 1)
        return String(repeating: "0", count: max(0, newest.width - digits.count)) + digits
    }

    private static let up = """
        -- What this changes, and why.
        --
        -- This file is one transaction. What the engine needs to know stands in comments like these, each on a line
        -- of its own, in front of the first SQL (without the '>'):
        --   > -- migrate: phase=contract        services of the previous release must be gone; applied when asked for
        --   > -- migrate: no-transaction        one statement that refuses to run in a transaction
        --   > -- migrate: lock-timeout=500ms    how long each try to get a table lock may make others wait
        --   > -- migrate: statement-timeout=1min

        """

    private static let addColumn = """
        -- A nullable column without a default: the lock is held for a moment, whatever the size of the table.
        -- Put the names of your table and column in place of my_table and my_column, in all files.
        ALTER TABLE my_table ADD COLUMN my_column text;

        """

    private var completeOldWriters: String {
        """
        -- Services of the previous release do not know the column: what they write is completed here. Committed before
        -- the backfill begins, so that no row can slip in behind it. The WHEN keeps it from firing on complete rows. A
        -- later migration with phase=contract drops it.
        CREATE FUNCTION \(name)_complete() RETURNS trigger
        LANGUAGE plpgsql
        SET search_path = pg_catalog, pg_temp
        AS $$
        BEGIN
            NEW.my_column := 'unknown';
            RETURN NEW;
        END
        $$;

        CREATE TRIGGER \(name)_complete
        BEFORE INSERT OR UPDATE ON my_table
        FOR EACH ROW
        WHEN (NEW.my_column IS NULL)
        EXECUTE FUNCTION \(name)_complete();

        """
    }

    private static let backfill = """
        -- migrate: backfill table=my_table
        --
        -- One UPDATE, run in small committed batches. The condition finds exactly the rows that need it, so that it can
        -- be stopped anywhere and run again.
        UPDATE my_table SET my_column = 'unknown' WHERE my_column IS NULL;

        """

    private static let check = """
        -- Every new row is checked from here on. NOT VALID leaves the rows that exist to the next step, so the lock is
        -- held for a moment only. Before the backfill it would break updates of old rows.
        ALTER TABLE my_table ADD CONSTRAINT my_column_not_null CHECK (my_column IS NOT NULL) NOT VALID;

        """

    private static let validate = """
        -- Reads the whole table, while others read and write it.
        ALTER TABLE my_table VALIDATE CONSTRAINT my_column_not_null;

        """

    private var down: String {
        """
        -- The way back, also from a migration that was applied in part. What the column held is lost.
        DROP TRIGGER IF EXISTS \(name)_complete ON my_table;
        DROP FUNCTION IF EXISTS \(name)_complete();
        ALTER TABLE my_table
            DROP CONSTRAINT IF EXISTS my_column_not_null,
            DROP COLUMN IF EXISTS my_column;

        """
    }

    private static let verify = """
        -- Raises unless what this migration promises is true.
        DO $$
        BEGIN
            IF EXISTS (SELECT FROM my_table WHERE my_column IS NULL) THEN
                RAISE EXCEPTION 'rows of my_table have no my_column';
            END IF;
        END
        $$;

        """
}
