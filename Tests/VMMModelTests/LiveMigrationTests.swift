import Testing
import VMMModel

@Suite struct LiveMigrationTests {
    @Test func `a new live migration has two pending sides that were never reported`() throws {
        let (instance, source, target) = (InstanceID(), VMMID(), VMMID())
        let now = try Sample.time(5)
        let migration = LiveMigration.new(instanceID: instance, from: source, to: target, at: now)
        #expect(migration.instanceID == instance)
        #expect(migration.timeCreated == now)
        #expect(migration.timeDeleted == nil)
        #expect(
            migration.source
                == LiveMigration.Side(vmmID: source, state: .pending, generation: .first, timeUpdated: nil)
        )
        #expect(
            migration.target
                == LiveMigration.Side(vmmID: target, state: .pending, generation: .first, timeUpdated: nil)
        )
    }

    @Test func `a state is terminal when failed or completed`() {
        #expect(LiveMigrationState.allCases.filter(\.isTerminal) == [.failed, .completed])
    }

    @Test(arguments: LiveMigrationState.allCases, LiveMigrationState.allCases)
    func `each predicate holds when it holds for at least one side`(
        source: LiveMigrationState,
        target: LiveMigrationState
    ) {
        let migration = Sample.liveMigration(source: source, target: target)
        let states: Set = [source, target]
        #expect(migration.isTerminal == !states.isDisjoint(with: [.failed, .completed]))
        #expect(migration.eitherSideFailed == states.contains(.failed))
        #expect(migration.eitherSideCompleted == states.contains(.completed))
    }
}
