import Postgres

/// The one question to the catalog that schema texts and fingerprints are made of.
///
/// It gives a line for each object: its kind, its name and its definition, all of them in the words of PostgreSQL's own
/// `pg_get_…def` functions, so that one server version gives one text whatever order things were made in. What belongs
/// to an extension, to the system or to the engine's bookkeeping has no line. Owners, privileges, tablespaces and
/// statistics' contents are not part of a schema here: they differ between stages by intent.
struct CatalogQuery {
    /// The schema of the bookkeeping, whose tables `migrate_…` are left out.
    let bookkeepingSchema: String

    /// Every object, sorted by the bytes of kind and name.
    var objects: PostgresQuery {
        PostgresQuery(
            unsafeSQL: """
                \(items)
                SELECT kind, name, coalesce(definition, '') AS definition FROM item
                ORDER BY kind COLLATE "C", name COLLATE "C", definition COLLATE "C"
                """
        )
    }

    /// The SHA-256 of every object, made in the server: one short line comes back, whatever the schema's size.
    ///
    /// Hashes the text that ``SchemaSnapshot/canonicalText`` is.
    var digest: PostgresQuery {
        PostgresQuery(
            unsafeSQL: """
                \(items)
                SELECT encode(sha256(convert_to(coalesce(string_agg(kind || E'\\t' || name || E'\\t'
                    || coalesce(definition, '') || E'\\n', '' ORDER BY kind COLLATE "C", name COLLATE "C",
                    definition COLLATE "C"), ''), 'UTF8')), 'hex')
                FROM item
                """
        )
    }

    /// Makes names qualified and values spelled the same for every session, for the transaction it is run in.
    ///
    /// Compiling the query to machine code would take longer than running it.
    static let settings = """
        SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL quote_all_identifiers = off; SET LOCAL jit = off;
        SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = 'postgres';
        SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; SET LOCAL lc_monetary = 'C';
        SET LOCAL standard_conforming_strings = on
        """
}
