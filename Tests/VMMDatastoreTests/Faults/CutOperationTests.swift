import Foundation
import Postgres
import Synchronization
import TestSupport
import Testing
import VMMDatastore
import VMMModel

/// Each operation of the datastore, its connection cut at each message: the caller is told the truth.
@Suite struct CutOperationTests {
    @Test func `every operation of the datastore is tried`() throws {
        let sources = URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "../../../Sources/VMMDatastore"
        )
        var functions: Set<String> = []
        let files = try #require(FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
        for case let file as URL in files where file.lastPathComponent.hasPrefix("Datastore+") {
            let text = try String(contentsOf: file, encoding: .utf8)
            for match in text.matches(of: /public func (\w+)/) { functions.insert(String(match.output.1)) }
        }
        #expect(functions.count > 20)
        #expect(functions == Set(CutOperation.all.map(\.function)))
    }

    @Test func `a write to VMMs tells whether it was made`() async throws {
        try await Self.tryAll(CutOperation.vmmWrites, "VMM writes")
    }

    @Test func `a write to live migrations tells whether it was made`() async throws {
        try await Self.tryAll(CutOperation.liveMigrationWrites, "live migration writes")
    }

    @Test func `a write to instances tells whether it was made`() async throws {
        try await Self.tryAll(CutOperation.instanceWrites, "instance writes")
    }

    @Test func `what reads never tells that it may have written`() async throws {
        try await Self.tryAll(CutOperation.vmmReads + CutOperation.instanceReads, "reads")
    }

    private static func tryAll(_ operations: [CutOperation], _ name: String) async throws {
        try await DatastoreHarness.run { harness in
            let scene = try CutScene()
            try await scene.build(harness)
            try await CuttingProxy.with(harness.database) { proxy, string in
                var tally = CutTally()
                for operation in operations {
                    var trial = CutTrial(
                        operation: operation,
                        scene: scene,
                        harness: harness,
                        proxy: proxy,
                        proxied: try PostgresConfiguration(string)
                    )
                    try await trial.tryEverywhere(&tally)
                }
                FaultRun.tell("datastore cut at each message: \(name)", "\(operations.count) operations, \(tally)")
                #expect(tally.cuts > operations.count * 10)
            }
        }
    }
}

/// What callers were told.
struct CutTally: CustomStringConvertible {
    var cuts = 0
    var told: [CutTrial.Told: Int] = [:]

    var description: String {
        let parts = CutTrial.Told.allCases.map { "\(told[$0, default: 0]) \($0.rawValue)" }
        return "\(cuts) cuts: told \(parts.joined(separator: ", "))"
    }
}

/// An operation, tried with a cut at each place.
struct CutTrial {
    enum Told: String, CaseIterable {
        case done
        case notDone = "not done"
        case unknown
    }

    /// What the connection has seen when the operation is called.
    enum Connection: String, CaseIterable {
        /// Nothing: it is opened by the call.
        case new
        /// Another statement.
        case cold
        /// The operation itself; the second time a statement is prepared, and sent otherwise than the first time.
        case warm
    }

    let operation: CutOperation
    let scene: CutScene
    let harness: DatastoreHarness
    let proxy: CuttingProxy
    let proxied: PostgresConfiguration
    private var before = ""
    private var done = ""

    init(
        operation: CutOperation,
        scene: CutScene,
        harness: DatastoreHarness,
        proxy: CuttingProxy,
        proxied: PostgresConfiguration
    ) {
        self.operation = operation
        self.scene = scene
        self.harness = harness
        self.proxy = proxy
        self.proxied = proxied
    }

    mutating func tryEverywhere(_ tally: inout CutTally) async throws {
        try await scene.reset(harness)
        before = try await CutScene.contents(harness)
        try await operation.call(harness.datastore, scene)
        done = try await CutScene.contents(harness)
        #expect((before == done) == (operation.effect == .nothing), "\(operation.name) has no effect")
        for connection in Connection.allCases {
            var number = 1
            while try await cut(.before, .message(number), connection, &tally) { number += 1 }
            #expect(number > 5, "\(operation.name): the proxy does not see the messages")
            for side in [CuttingProxy.Side.answered, .after] {
                number = 1
                while try await cut(side, .request(number), connection, &tally) { number += 1 }
            }
        }
    }

    /// One try; false when the operation ended before the place was reached.
    private func cut(
        _ side: CuttingProxy.Side,
        _ place: CuttingProxy.Place,
        _ connection: Connection,
        _ tally: inout CutTally
    ) async throws -> Bool {
        let pool = PostgresPool(proxied, maximumConnections: 1)
        switch connection {
        case .new: break
        case .cold: try await pool.query("SELECT 1")
        case .warm: try await operation.call(Datastore(pool), scene)
        }
        try await scene.reset(harness)
        proxy.cut(side, place)
        let told = try await told(by: pool)
        await pool.shutDown()
        proxy.cutNothing()
        guard proxy.hasCut else {
            #expect(told == .done)
            return false
        }
        tally.cuts += 1
        tally.told[told, default: 0] += 1
        try await judge(told, "\(operation.name), \(side) \(place), \(connection)")
        return true
    }

    private func told(by pool: PostgresPool) async throws -> Told {
        do {
            try await operation.call(Datastore(pool), scene)
            return .done
        } catch let error as PostgresError {
            // A pool that has never had a connection does not try for ever.
            let codes: [PostgresError.Code] = [.connectionClosed, .commitOutcomeUnknown, .connectionFailed]
            #expect(codes.contains(error.code), "\(error)")
            return error.mayHaveCommitted ? .unknown : .notDone
        }
    }

    private func judge(_ told: Told, _ place: String) async throws {
        // Also the end of the broken connection, which is not to be taken for the next one's.
        let unanswered = try await proxy.unanswered()
        let after = try await CutScene.contents(harness)
        switch told {
        case .done:
            #expect(after == done, "\(place): told done")
        case .notDone:
            #expect(after == before, "\(place): told not done")
        case .unknown:
            let isOpen = unanswered.contains(where: \.commitsWrites)
            #expect(isOpen || (operation.effect == .parts && after != before), "\(place): nothing is unknown")
            #expect(after == before || after == done || operation.effect == .parts, "\(place): half done")
        }
        guard told != .done else { return }
        try await operation.call(harness.datastore, scene)
        #expect(try await CutScene.contents(harness) == done, "\(place): calling again")
    }
}
