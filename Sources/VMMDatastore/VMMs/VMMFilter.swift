import Postgres
public import VMMModel

/// Which VMMs a list has; each condition that is set must hold.
public struct VMMFilter: Hashable, Sendable {
    /// Any of these states; empty for every state.
    public var states: [VMMState.Kind] = []
    /// Any of these failure reasons; empty for every VMM, failed or not.
    public var failureReasons: [VMMFailureReason] = []
    /// On this sled.
    public var sledID: SledID?
    /// Of this instance.
    public var instanceID: InstanceID?
    /// Also those that are marked deleted.
    public var includesDeleted = false
    /// Only those that can be reaped: destroyable, not deleted, and neither active VMM nor target of their instance.
    ///
    /// Only an instance that exists and is not deleted can hold on to a VMM: a deleted one that kept a reference does not
    /// keep the VMM for ever. VMMs that are deleted are never among these, whatever ``includesDeleted`` says.
    public var isAbandoned = false

    /// The VMMs that can be reaped.
    public static let abandoned = {
        var filter = VMMFilter()
        filter.isAbandoned = true
        return filter
    }()

    /// A filter that every VMM passes that is not deleted.
    public init() {}

    /// The query of the first `limit` VMMs behind a key, or of all.
    ///
    /// Its text depends on which conditions there are, never on their values.
    func query(after key: VMMID? = nil, limit: Int? = nil) -> PostgresQuery {
        var query = PostgresQuery.StringInterpolation(literalCapacity: 512, interpolationCount: 6)
        query.appendLiteral("SELECT \(Self.columns) FROM vmm WHERE true")
        if let key {
            query.appendLiteral(" AND id > ")
            query.appendInterpolation(key)
        }
        if isAbandoned { query.appendLiteral(Self.abandonment) }
        if !includesDeleted { query.appendLiteral(" AND time_deleted IS NULL") }
        if !states.isEmpty {
            query.appendLiteral(" AND state = ANY (")
            query.appendInterpolation(states)
            query.appendLiteral("::vmm_state[])")
        }
        if !failureReasons.isEmpty { appendReasons(to: &query) }
        if let sledID {
            query.appendLiteral(" AND sled_id = ")
            query.appendInterpolation(sledID)
        }
        if let instanceID {
            query.appendLiteral(" AND instance_id = ")
            query.appendInterpolation(instanceID)
        }
        query.appendLiteral(" ORDER BY id")
        if let limit {
            query.appendLiteral(" LIMIT ")
            query.appendInterpolation(limit)
        }
        return PostgresQuery(stringInterpolation: query)
    }

    private func appendReasons(to query: inout PostgresQuery.StringInterpolation) {
        query.appendLiteral(" AND (failure_reason = ANY (")
        query.appendInterpolation(failureReasons)
        query.appendLiteral("::vmm_failure_reason[])")
        // Failed without a reason reads as prehistoric, so it is found as that.
        if failureReasons.contains(.prehistoric) {
            query.appendLiteral(" OR (state = 'failed' AND failure_reason IS NULL)")
        }
        query.appendLiteral(")")
    }

    private static let columns = StoredVMM.selectList("vmm")

    /// Without an instance there is nobody to refer to the VMM.
    private static let abandonment = """
         AND vmm.state IN (\(VMMState.Kind.literals(VMMState.Kind.destroyable))) AND vmm.time_deleted IS NULL
         AND NOT EXISTS (
           SELECT FROM instance WHERE instance.id = vmm.instance_id AND instance.time_deleted IS NULL
           AND vmm.id IN (instance.active_propolis_id, instance.target_propolis_id)
         )
        """
}
