import Postgres
import Synchronization
import TestSupport
import Testing
import VMMDatastore
import VMMModel

/// Writers on connections of their own, with generations from stale reads, retries after lost answers and deletions in
/// between; what they were told is held against what a trigger logged.
@Suite struct `Random interleavings of writers` {
    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func `leave a history that can have been`(seed: UInt64) async throws {
        try await DatastoreHarness.run { harness in
            try await harness.logVersions()
            var vmms: [VMM] = []
            for _ in 0..<3 { vmms.append(try await harness.insert(.running)) }
            let recorder = Recorder()
            let ids = vmms.map(\.id)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<6 {
                    group.addTask {
                        var writer = Writer(harness, recorder, writer, seed: seed)
                        try await writer.write(to: ids, times: 40)
                    }
                }
                group.addTask { try await harness.breakConnections(times: 12, seed: seed) }
                try await group.waitForAll()
            }
            var calls = 0
            for id in ids {
                let history = RowHistory(
                    row: id.description,
                    versions: try await harness.versions(of: id),
                    calls: recorder.calls(of: id)
                )
                calls += history.calls.count
                if let report = history.report { Issue.record("seed \(seed)\n\(report)") }
            }
            #expect(calls >= 6 * 40)
        }
    }
}

/// A clock that all writers share, and their calls.
private final class Recorder: Sendable {
    private let clock = Atomic(0)
    private let log = Mutex<[VMMID: [RowCall]]>([:])

    func tick() -> Int { clock.add(1, ordering: .sequentiallyConsistent).newValue }

    func record(_ call: RowCall, of id: VMMID) { log.withLock { $0[id, default: []].append(call) } }

    func calls(of id: VMMID) -> [RowCall] { log.withLock { $0[id] ?? [] } }
}

private struct Writer {
    private let harness: DatastoreHarness
    private let recorder: Recorder
    private let number: Int
    private var random: SplitMix64
    private var seen: [VMMID: VMMRuntimeState] = [:]

    init(_ harness: DatastoreHarness, _ recorder: Recorder, _ number: Int, seed: UInt64) {
        self.harness = harness
        self.recorder = recorder
        self.number = number
        random = SplitMix64(state: seed &* 7_919 &+ UInt64(number))
    }

    mutating func write(to ids: [VMMID], times: Int) async throws {
        for _ in 0..<times {
            guard let id = ids.randomElement(using: &random) else { return }
            if Int.random(in: 0..<40, using: &random) == 0 {
                try await repeatUntilAnswered(id, .delete) { [datastore = harness.datastore] in
                    RowCall.Answer(try await datastore.markDeleted(id))
                }
                continue
            }
            let state = Sample.everyState.randomElement(using: &random) ?? .running
            // Often from what was read long ago, sometimes far ahead.
            let last = seen[id]?.generation.rawValue ?? 1
            let runtime = try Sample.runtime(
                state,
                last + Int64.random(in: 1...2, using: &random),
                at: Int64(number % 3)
            )
            let request = RowCall.Request.update(
                generation: runtime.generation.rawValue,
                contents: runtime.contents
            )
            let answer = try await repeatUntilAnswered(id, request) { [datastore = harness.datastore] in
                RowCall.Answer(try await datastore.updateRuntime(of: id, to: runtime))
            }
            if Int.random(in: 0..<3, using: &random) > 0, let generation = answer.generation {
                seen[id] = try Sample.runtime(state, max(generation, runtime.generation.rawValue))
            }
        }
    }

    @discardableResult
    private func repeatUntilAnswered(
        _ id: VMMID,
        _ request: RowCall.Request,
        _ call: @Sendable () async throws -> RowCall.Answer
    ) async throws -> RowCall.Answer {
        var answer = RowCall.Answer.lost
        while answer == .lost {
            let began = recorder.tick()
            answer = try await answerOrLoss(of: call)
            recorder.record(RowCall(caller: number, began: began, ended: recorder.tick(), request, answer), of: id)
        }
        return answer
    }

    /// When the session is lost, nobody knows: it may have been written, or not.
    private func answerOrLoss(of call: @Sendable () async throws -> RowCall.Answer) async throws -> RowCall.Answer {
        do {
            return try await call()
        } catch let error as PostgresError {
            guard error.mayHaveCommitted || error.isLostSession else { throw error }
            return .lost
        }
    }
}

extension PostgresError {
    /// The backend was ended, before or while it worked; told by the server itself, or found out by the connection.
    fileprivate var isLostSession: Bool {
        code == .connectionClosed || nothingWasSent || sqlState == SQLState(rawValue: "57P01")
    }
}

extension RowCall.Answer {
    fileprivate init(_ outcome: UpdateOutcome<VMM>) {
        self =
            switch outcome {
            case .updated(let vmm): .made(before: RowVersion(vmm))
            case .alreadyApplied(let vmm): .alreadyMade(now: RowVersion(vmm))
            case .stale(let vmm): .refused(now: RowVersion(vmm))
            case .deleted(let vmm): .deleted(now: RowVersion(vmm))
            }
    }

    fileprivate init(_ outcome: VMMDeletionOutcome) {
        self =
            switch outcome {
            case .deleted(let vmm): .made(before: RowVersion(vmm))
            case .alreadyDeleted(let vmm): .alreadyMade(now: RowVersion(vmm))
            case .notDestroyable(let vmm): .refused(now: RowVersion(vmm))
            }
    }

    /// The newest generation that the answer tells of.
    fileprivate var generation: Int64? {
        switch self {
        case .made(let version), .alreadyMade(let version), .refused(let version), .deleted(let version):
            version.generation
        case .lost: nil
        }
    }
}

extension VMMRuntimeState {
    /// State, reason and time, as the trigger writes them.
    fileprivate var contents: String {
        "\(state.label) \(state.failureReason?.label ?? "-") \(timeUpdated.microsecondsSince1970)"
    }
}

extension RowVersion {
    fileprivate init(_ vmm: VMM) {
        self.init(vmm.runtime.generation.rawValue, vmm.runtime.contents, isDeleted: vmm.timeDeleted != nil)
    }
}

extension DatastoreHarness {
    /// Logs every version of every VMM, in the order of each row's versions, since a row is locked while it is logged.
    fileprivate func logVersions() async throws {
        try await execute(
            """
            CREATE TABLE vmm_log (number bigserial PRIMARY KEY, version vmm);
            CREATE FUNCTION log_vmm() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN INSERT INTO vmm_log (version) VALUES (NEW); RETURN NULL; END $$;
            CREATE TRIGGER log_vmm AFTER INSERT OR UPDATE ON vmm FOR EACH ROW EXECUTE FUNCTION log_vmm();
            """
        )
    }

    fileprivate func versions(of id: VMMID) async throws -> [RowVersion] {
        let rows = try await pool.query(
            """
            SELECT (version).state_generation, format('%s %s %s', (version).state, coalesce((version).failure_reason::text, '-'),
              (extract(epoch FROM (version).time_state_updated) * 1000000)::bigint), (version).time_deleted IS NOT NULL,
              ((version).state = 'failed') = ((version).failure_reason IS NOT NULL)
            FROM vmm_log WHERE (version).id = \(id) ORDER BY number
            """
        )
        return try rows.map { row in
            let (generation, contents, isDeleted, isConsistent) = try row.decode(
                Int64.self,
                String.self,
                Bool.self,
                Bool.self
            )
            return RowVersion(generation, contents, isDeleted: isDeleted, isConsistent: isConsistent)
        }
    }

    /// Ends some session of the writers, again and again, in the midst of whatever it does.
    fileprivate func breakConnections(times: Int, seed: UInt64) async throws {
        var random = SplitMix64(state: seed)
        for _ in 0..<times {
            try await Task.sleep(for: .milliseconds(Int.random(in: 1...15, using: &random)))
            let salt = Int32.random(in: 0...Int32.max, using: &random)
            try await endSomeSession(salt)
        }
    }

    private func endSomeSession(_ salt: Int32) async throws {
        do {
            try await pool.query(
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
                ORDER BY md5(pid::text || \(salt)::int4::text) LIMIT 1
                """
            )
        } catch {
            // Its own connection may have been given back broken; the next round takes another.
            guard error.isLostSession else { throw error }
        }
    }
}
