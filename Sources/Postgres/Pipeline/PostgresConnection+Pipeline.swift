extension PostgresConnection {
    /// Sends many statements at once and returns when all of them are answered: one round trip instead of one for each.
    ///
    /// ```swift
    /// let (moved, sleds) = try await connection.pipeline { pipeline in
    ///     (pipeline.query("UPDATE vmm SET sled_id = \(sled) WHERE id = \(id)"),
    ///      pipeline.query("SELECT id, rack FROM sled", as: SledRow.self))
    /// }
    /// print(try moved.get().commandTag, try sleds.get())
    /// ```
    /// Outside a transaction the statements are one by themselves: they are committed together at the end, or none is.
    /// Inside ``withTransaction(_:_:)`` they are a part of it. With ``PostgresPipeline/FailureMode/keepOthers`` each
    /// is committed for itself, and failures are found in the results only. Statements seen before are prepared, as
    /// with ``query(_:timeout:)``. Results are held in memory; parameters are sent while results are read.
    ///
    /// - Parameters:
    ///   - failureMode: What becomes of the others when one fails.
    ///   - timeout: How long all of it may take; nil takes the configuration's `queryTimeout`.
    ///   - build: Adds the statements; nothing is sent before it returns.
    /// - Returns: what `build` returned: usually the results.
    /// - Throws: what `build` throws; ``PostgresError`` of the statement that failed, which the message names by its
    ///   number; `cancelled`, `deadlineExceeded`, `connectionClosed`, `encodingFailed`. COPY is not possible here. The
    ///   corresponding libpq functions are `PQenterPipelineMode` and `PQpipelineSync`.
    @discardableResult
    public func pipeline<R>(
        onFailure failureMode: PostgresPipeline.FailureMode = .rollBackAll,
        timeout: Duration? = nil,
        _ build: (inout PostgresPipeline) throws -> R
    ) async throws -> R {
        try checkLease()
        var pipeline = PostgresPipeline()
        let value = try build(&pipeline)
        let statements = pipeline.statements
        try await observed("PIPELINE") { () async throws(PostgresError) in
            try await session.run(statements, failureMode, timeout: timeout)
        }
        return value
    }
}
