import Postgres
import TestSupport
import Testing
import VMMDatastore
import VMMModel

/// Does things at random to the shared rows, mostly from what it read long ago, and records what it is told.
struct InterleavedWriter {
    /// Every writer goes on until so many calls, of all writers, took effect although their answers were lost.
    static let leastLosses = 2
    /// What a server says that goes down, comes up, or is no longer the primary.
    private static let serverIsGoing: [SQLState?] = [
        .adminShutdown, .crashShutdown, .cannotConnectNow, .readOnlyTransaction,
    ]

    let datastore: Datastore
    let world: InterleavedWorld
    let recorder: HistoryRecorder
    private let number: Int
    private let updater = UpdaterID()
    private var random: SplitMix64
    private var seen: [GuardedPart: Int64] = [:]

    init(
        _ datastore: Datastore,
        _ world: InterleavedWorld,
        _ recorder: HistoryRecorder,
        _ number: Int,
        seed: UInt64
    ) {
        self.datastore = datastore
        self.world = world
        self.recorder = recorder
        self.number = number
        random = SplitMix64(state: seed &* 7_919 &+ UInt64(number))
    }

    mutating func write(times: Int) async throws {
        var written = 0
        while written < times || recorder.confirmedLosses < Self.leastLosses {
            written += 1
            try await writeOnce()
        }
    }

    /// Does one thing.
    ///
    /// - Parameter mayDelete: where rows are deleted sooner or later, everything ends with refusals.
    /// - Throws: what a call on a server that is there throws.
    mutating func writeOnce(mayDelete: Bool = true) async throws {
        let vmm = world.vmms.randomElement(using: &random) ?? world.vmms[0]
        let side = LiveMigrationSide.allCases.randomElement(using: &random) ?? .source
        let instance = world.instances.randomElement(using: &random) ?? world.instances[0]
        switch Int.random(in: (mayDelete ? 0 : 2)..<100, using: &random) {
        case 0: try await delete(vmm)
        case 1: try await deleteLiveMigration()
        case 2..<10: try await markFailed(vmm)
        case 10..<14: try await markUnwound(vmm)
        case 14..<22: try await updateMany()
        case 22..<34: try await update(side)
        case 34..<46: try await report(side)
        case 46..<50: try await markLiveMigrationFailed()
        case 50..<60: try await update(instance)
        case 60..<70: try await commit(instance)
        default: try await update(vmm)
        }
    }

    // MARK: VMMs

    private mutating func update(_ id: VMMID) async throws {
        let runtime = try nextRuntime(of: id)
        try await call([(world.part(id), .update(runtime))]) { [datastore] in
            [RowCall.Answer(try await datastore.updateRuntime(of: id, to: runtime)) { RowVersion($0) }]
        }
    }

    private mutating func updateMany() async throws {
        var updates: [(id: VMMID, runtime: VMMRuntimeState)] = []
        for id in world.vmms.shuffled(using: &random) { updates.append((id, try nextRuntime(of: id))) }
        let requests = updates.map { (world.part($0.id), RowCall.Request.update($0.runtime)) }
        try await call(requests) { [datastore, updates] in
            try await datastore.updateRuntimes(updates).map { RowCall.Answer(try $0.get()) { RowVersion($0) } }
        }
    }

    private mutating func markFailed(_ id: VMMID) async throws {
        let reason = VMMFailureReason.allCases.randomElement(using: &random) ?? .sledOff
        let failed = try Sample.runtime(.failed(reason), 1, at: Int64(number))
        let request = RowCall.Request.replace(
            contents: failed.contents,
            sparing: ["failed", "destroyed", "saga_unwound"]
        )
        try await call([(world.part(id), request)]) { [datastore] in
            [RowCall.Answer(try await datastore.markFailed(id, reason: reason, at: failed.timeUpdated))]
        }
    }

    private mutating func markUnwound(_ id: VMMID) async throws {
        let unwound = try Sample.runtime(.sagaUnwound, 1, at: Int64(number))
        let request = RowCall.Request.replace(contents: unwound.contents, sparing: ["saga_unwound"])
        try await call([(world.part(id), request)]) { [datastore] in
            [RowCall.Answer(try await datastore.markSagaUnwound(id, at: unwound.timeUpdated))]
        }
    }

    private mutating func delete(_ id: VMMID) async throws {
        try await call([(world.part(id), .delete)]) { [datastore] in
            [RowCall.Answer(try await datastore.markDeleted(id))]
        }
    }

    // MARK: Live migrations

    private mutating func update(_ side: LiveMigrationSide) async throws {
        let (report, request) = try nextReport(of: side)
        try await call([(world.part(side), request)]) { [datastore, world] in
            let outcome = try await datastore.updateRuntime(of: side, of: world.vmm(side), to: report)
            return [RowCall.Answer(outcome) { RowVersion($0, side) }]
        }
    }

    /// A VMM and its side in one transaction.
    private mutating func report(_ side: LiveMigrationSide) async throws {
        let vmm = world.vmm(side)
        let runtime = try nextRuntime(of: vmm)
        let (report, request) = try nextReport(of: side)
        var whole = SledVMMState(vmmState: runtime)
        if side == .source { whole.migrationOut = report } else { whole.migrationIn = report }
        try await call([(world.part(vmm), .update(runtime)), (world.part(side), request)]) { [datastore, whole] in
            do {
                let outcome = try await datastore.updateRuntime(of: vmm, to: whole)
                let migration = try #require(side == .source ? outcome.migrationOut : outcome.migrationIn)
                return [
                    RowCall.Answer(outcome.vmm) { RowVersion($0) }, RowCall.Answer(migration) { RowVersion($0, side) },
                ]
            } catch let error as DatastoreError where error.code == .gone {
                // The live migration is deleted, so that the VMM was not written either; it says no more.
                return [nil, nil]
            }
        }
    }

    /// Both sides at once, unless one is done.
    private mutating func markLiveMigrationFailed() async throws {
        let failed = LiveMigration.Side(
            vmmID: world.vmms[0],
            state: .failed,
            generation: .first,
            timeUpdated: try Sample.time(Int64(number))
        )
        let request = RowCall.Request.replace(contents: failed.contents, sparing: ["failed", "completed"])
        let sides = LiveMigrationSide.allCases
        try await call(sides.map { (world.part($0), request) }) { [datastore, world, number] in
            let outcome = try await datastore.markFailed(world.liveMigration, at: try Sample.time(Int64(number)))
            return sides.map { side in
                switch outcome {
                case .marked(let row):
                    let before = RowVersion(row, side)
                    return before.state == "failed" ? .refused(now: before) : .made(before: before)
                case .alreadyFailed(let row): return .refused(now: RowVersion(row, side))
                case .completed(let row):
                    // A side that could have been marked was spared for the other's sake.
                    let now = RowVersion(row, side)
                    return ["failed", "completed"].contains(now.state) ? .refused(now: now) : nil
                case .deleted(let row): return .deleted(now: RowVersion(row, side))
                }
            }
        }
    }

    private mutating func deleteLiveMigration() async throws {
        let sides = LiveMigrationSide.allCases
        try await call(sides.map { (world.part($0), .delete) }) { [datastore, world] in
            let outcome = try await datastore.markDeleted(world.liveMigration)
            return sides.map { side in
                switch outcome {
                case .deleted(let row): .made(before: RowVersion(row, side))
                case .alreadyDeleted(let row): .alreadyMade(now: RowVersion(row, side))
                }
            }
        }
    }

    // MARK: Instances

    private mutating func update(_ id: InstanceID) async throws {
        let runtime = try nextRuntime(of: id)
        try await call([(world.part(id), .update(runtime))]) { [datastore] in
            [RowCall.Answer(try await datastore.updateRuntime(of: id, to: runtime)) { RowVersion($0) }]
        }
    }

    /// Takes the updater lock if it is free, and commits under it.
    private mutating func commit(_ id: InstanceID) async throws {
        let outcome = try await untilAnswered { [datastore, updater] in try await datastore.lock(id, for: updater) }
        guard case .locked(let lock) = outcome else { return }
        let runtime = try nextRuntime(of: id)
        try await call([(world.part(id), .update(runtime))]) { [datastore] in
            let outcome = try await datastore.commitUpdate(under: lock, runtime: runtime)
            let answer = RowCall.Answer(outcome, of: runtime)
            if answer == nil { Issue.record("the lock of one updater was taken by another: \(outcome)") }
            return [answer]
        }
        _ = try await untilAnswered { [datastore] in try await datastore.unlock(lock) }
    }

    // MARK: What is asked for

    /// Often from what was read long ago, sometimes ahead.
    private mutating func nextGeneration(of part: GuardedPart) throws -> Generation {
        try Generation((seen[part] ?? 1) + Int64.random(in: 1...2, using: &random))
    }

    private mutating func nextRuntime(of id: VMMID) throws -> VMMRuntimeState {
        let state = Sample.everyState.randomElement(using: &random) ?? .running
        let generation = try nextGeneration(of: world.part(id))
        // Few times, so that two writers sometimes want the very same.
        return try Sample.runtime(state, generation.rawValue, at: Int64(number % 3))
    }

    private mutating func nextRuntime(of id: InstanceID) throws -> InstanceRuntimeState {
        let states = [.creating, .noVMM, .failed] + world.vmms.map(InstanceState.vmm)
        return InstanceRuntimeState(
            state: states.randomElement(using: &random) ?? .noVMM,
            generation: try nextGeneration(of: world.part(id)),
            timeUpdated: try Sample.time(Int64(number % 3))
        )
    }

    private mutating func nextReport(
        of side: LiveMigrationSide
    ) throws -> (LiveMigrationRuntimeState, RowCall.Request) {
        let report = LiveMigrationRuntimeState(
            liveMigrationID: world.liveMigration,
            state: LiveMigrationState.allCases.randomElement(using: &random) ?? .inProgress,
            generation: try nextGeneration(of: world.part(side)),
            timeUpdated: try Sample.time(Int64(number % 3))
        )
        let wanted = LiveMigration.Side(
            vmmID: world.vmm(side),
            state: report.state,
            generation: report.generation,
            timeUpdated: report.timeUpdated
        )
        return (report, .update(generation: report.generation.rawValue, contents: wanted.contents))
    }

    // MARK: Calling

    /// Calls again until there is an answer, as every caller may, and records each attempt for each part.
    ///
    /// An answer of nil says nothing about its part.
    private mutating func call(
        _ requests: [(part: GuardedPart, request: RowCall.Request)],
        _ body: @Sendable () async throws -> [RowCall.Answer?]
    ) async throws {
        var wasLost = false
        while true {
            let began = recorder.tick()
            let answers = try await answer(body)
            let ended = recorder.tick()
            for (index, (part, request)) in requests.enumerated() {
                guard let answer = answers.map({ $0[index] }) ?? .lost else { continue }
                recorder.record(RowCall(caller: number, began: began, ended: ended, request, answer), of: part)
                if case .alreadyMade = answer, wasLost { recorder.confirmLoss() }
                // A third of what is read is never used.
                if let generation = answer.generation, Int.random(in: 0..<3, using: &random) > 0 {
                    seen[part] = generation
                }
            }
            if answers != nil { return }
            wasLost = true
        }
    }

    private func untilAnswered<Answer>(_ body: @Sendable () async throws -> Answer) async throws -> Answer {
        while true { if let answer = try await answer(body) { return answer } }
    }

    /// What a call answers; nil when the connection broke or the server went, so that nobody knows whether it was carried
    /// out.
    private func answer<Answer>(_ body: @Sendable () async throws -> Answer) async throws -> Answer? {
        do {
            return try await body()
        } catch let error as PostgresError {
            let isLost = error.mayHaveCommitted || error.nothingWasSent || error.code == .connectionClosed
            guard isLost || Self.serverIsGoing.contains(error.sqlState) else { throw error }
            return nil
        }
    }
}

extension RowCall.Request {
    fileprivate static func update(_ runtime: VMMRuntimeState) -> Self {
        .update(generation: runtime.generation.rawValue, contents: runtime.contents)
    }

    fileprivate static func update(_ runtime: InstanceRuntimeState) -> Self {
        .update(generation: runtime.generation.rawValue, contents: runtime.contents)
    }
}
