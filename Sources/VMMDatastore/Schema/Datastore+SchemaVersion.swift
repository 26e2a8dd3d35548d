extension Datastore {
    /// The version of the schema that this release was made for: the newest one whose tables it reads and writes.
    ///
    /// It is the release as which a service that uses this library registers at its start, with the `SchemaGate` of
    /// `SchemaMigrations`. While a service runs whose release is older than a contract migration's `requires-release`,
    /// that migration is not applied. Services of the release before failure reasons are of release 1.
    ///
    /// ```swift
    /// let gate = try await SchemaGate.ensureCompatible(
    ///     with: database,
    ///     release: Datastore.schemaVersion,
    ///     requiring: MigrationVersion(Int64(Datastore.schemaVersion)),
    ///     waiting: .seconds(60)
    /// )
    /// ```
    public static let schemaVersion: Int32 = 2
}
