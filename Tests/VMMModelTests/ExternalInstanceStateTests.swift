import Testing
import VMMModel

@Suite struct ExternalInstanceStateTests {
    /// A row of the table: without and with a linked live migration.
    struct Row {
        let instance: InstanceState.Kind
        let activeVMM: VMMState.Kind?
        let still: ExternalInstanceState
        let migrating: ExternalInstanceState

        init(
            _ instance: InstanceState.Kind,
            _ activeVMM: VMMState.Kind?,
            _ still: ExternalInstanceState,
            _ migrating: ExternalInstanceState
        ) {
            self.instance = instance
            self.activeVMM = activeVMM
            self.still = still
            self.migrating = migrating
        }
    }

    static let table: [Row] = [
        Row(.creating, nil, .creating, .creating),
        Row(.creating, .creating, .creating, .creating),
        Row(.creating, .starting, .creating, .creating),
        Row(.creating, .running, .creating, .creating),
        Row(.creating, .stopping, .creating, .creating),
        Row(.creating, .stopped, .creating, .creating),
        Row(.creating, .rebooting, .creating, .creating),
        Row(.creating, .migrating, .creating, .creating),
        Row(.creating, .failed, .creating, .creating),
        Row(.creating, .destroyed, .creating, .creating),
        Row(.creating, .sagaUnwound, .creating, .creating),
        Row(.noVMM, nil, .stopped, .stopped),
        Row(.noVMM, .creating, .stopped, .stopped),
        Row(.noVMM, .starting, .stopped, .stopped),
        Row(.noVMM, .running, .stopped, .stopped),
        Row(.noVMM, .stopping, .stopped, .stopped),
        Row(.noVMM, .stopped, .stopped, .stopped),
        Row(.noVMM, .rebooting, .stopped, .stopped),
        Row(.noVMM, .migrating, .stopped, .stopped),
        Row(.noVMM, .failed, .stopped, .stopped),
        Row(.noVMM, .destroyed, .stopped, .stopped),
        Row(.noVMM, .sagaUnwound, .stopped, .stopped),
        Row(.vmm, nil, .stopped, .stopped),
        Row(.vmm, .creating, .starting, .migrating),
        Row(.vmm, .starting, .starting, .migrating),
        Row(.vmm, .running, .running, .migrating),
        Row(.vmm, .stopping, .stopping, .migrating),
        Row(.vmm, .stopped, .stopping, .migrating),
        Row(.vmm, .rebooting, .rebooting, .migrating),
        Row(.vmm, .migrating, .migrating, .migrating),
        Row(.vmm, .failed, .stopping, .migrating),
        Row(.vmm, .destroyed, .stopping, .migrating),
        Row(.vmm, .sagaUnwound, .failed, .migrating),
        Row(.failed, nil, .failed, .failed),
        Row(.failed, .creating, .failed, .failed),
        Row(.failed, .starting, .failed, .failed),
        Row(.failed, .running, .failed, .failed),
        Row(.failed, .stopping, .failed, .failed),
        Row(.failed, .stopped, .failed, .failed),
        Row(.failed, .rebooting, .failed, .failed),
        Row(.failed, .migrating, .failed, .failed),
        Row(.failed, .failed, .failed, .failed),
        Row(.failed, .destroyed, .failed, .failed),
        Row(.failed, .sagaUnwound, .failed, .failed),
        Row(.destroyed, nil, .destroyed, .destroyed),
        Row(.destroyed, .creating, .destroyed, .destroyed),
        Row(.destroyed, .starting, .destroyed, .destroyed),
        Row(.destroyed, .running, .destroyed, .destroyed),
        Row(.destroyed, .stopping, .destroyed, .destroyed),
        Row(.destroyed, .stopped, .destroyed, .destroyed),
        Row(.destroyed, .rebooting, .destroyed, .destroyed),
        Row(.destroyed, .migrating, .destroyed, .destroyed),
        Row(.destroyed, .failed, .destroyed, .destroyed),
        Row(.destroyed, .destroyed, .destroyed, .destroyed),
        Row(.destroyed, .sagaUnwound, .destroyed, .destroyed),
    ]

    @Test(arguments: table, [false, true])
    func `the effective state is what the table says`(row: Row, isMigrating: Bool) throws {
        let state = ExternalInstanceState.effective(
            instance: row.instance,
            isMigrating: isMigrating,
            activeVMM: row.activeVMM
        )
        #expect(state == (isMigrating ? row.migrating : row.still))
    }

    @Test func `the table has each of the 110 combinations once`() {
        var expected: [[String?]] = []
        for instance in InstanceState.Kind.allCases {
            expected.append([instance.label, nil])
            expected += VMMState.Kind.allCases.map { [instance.label, $0.label] }
        }
        #expect(Self.table.map { [$0.instance.label, $0.activeVMM?.label] } == expected)
        #expect(expected.count * 2 == 110)
    }

    @Test func `repairing is never the effective state`() {
        #expect(!Self.table.contains { $0.still == .repairing || $0.migrating == .repairing })
    }

    @Test func `an instance shows the state of its VMM`() throws {
        let vmm = try Sample.vmm(.failed(.sledOff))
        var instance = try Sample.instance(.vmm(vmm.id))
        #expect(instance.externalState(activeVMM: vmm) == .stopping)
        #expect(instance.externalState(activeVMM: nil) == .stopped)
        instance.runtime.liveMigrationID = LiveMigrationID()
        #expect(instance.externalState(activeVMM: vmm) == .migrating)
    }

    @Test func `the time shown is the VMM's when there is one`() throws {
        let vmm = try Sample.vmm(.running, updatedAt: 10)
        let instance = try Sample.instance(.vmm(vmm.id), updatedAt: 20)
        #expect(try instance.externalTimeUpdated(activeVMM: vmm) == Sample.time(10))
        #expect(try instance.externalTimeUpdated(activeVMM: nil) == Sample.time(20))
    }
}
