import Testing
import VMMModel

@Suite struct InstanceAutoRestartTests {
    @Test(arguments: VMMState.Kind.allCases)
    func `a linked VMM calls for a restart only when it was unwound`(kind: VMMState.Kind) throws {
        let instance = try Sample.instance(.vmm(VMMID()))
        let decision = instance.autoRestart(activeVMM: kind, at: try Sample.time(0))
        #expect(decision == (kind == .sagaUnwound ? .allowed : .notNeeded))
    }

    @Test func `without a VMM only a failed instance needs a restart`() throws {
        let now = try Sample.time(0)
        #expect(try Sample.instance(.failed).autoRestart(activeVMM: nil, at: now) == .allowed)
        for state in [InstanceState.creating, .noVMM, .vmm(VMMID()), .destroyed] {
            #expect(try Sample.instance(state).autoRestart(activeVMM: nil, at: now) == .notNeeded)
        }
    }

    @Test(arguments: InstanceIntendedState.allCases)
    func `only an instance that should run needs a restart`(intended: InstanceIntendedState) throws {
        var instance = try Sample.instance(.failed)
        instance.intendedState = intended
        let decision = instance.autoRestart(activeVMM: nil, at: try Sample.time(0))
        #expect(decision == (intended == .running ? .allowed : .notNeeded))
    }

    @Test func `a deleted instance needs no restart`() throws {
        var instance = try Sample.instance(.failed)
        instance.timeDeleted = try Sample.time(0)
        #expect(instance.autoRestart(activeVMM: nil, at: try Sample.time(0)) == .notNeeded)
    }

    @Test(arguments: [
        (InstanceAutoRestartPolicy?.none, InstanceAutoRestart.allowed), (.bestEffort, .allowed), (.never, .forbidden),
    ])
    func `the policy decides, and is best effort by default`(
        policy: InstanceAutoRestartPolicy?,
        expected: InstanceAutoRestart
    ) throws {
        var instance = try Sample.instance(.failed)
        instance.autoRestartPolicy = policy
        #expect(instance.autoRestart(activeVMM: nil, at: try Sample.time(0)) == expected)
    }

    @Test(arguments: [(Duration?.none, Int64(300_000_000)), (.seconds(10), 10_000_000), (.zero, 0)])
    func `an instance cools down until exactly the end of its cooldown`(cooldown: Duration?, length: Int64) throws {
        var instance = try Sample.instance(.failed)
        instance.autoRestartCooldown = cooldown
        instance.runtime.timeLastAutoRestarted = try Sample.time(1_000)
        let end = try Sample.time(1_000 + length)
        let before = try Sample.time(999 + length)
        #expect(instance.autoRestart(activeVMM: nil, at: before) == .coolingDown(until: end))
        #expect(instance.autoRestart(activeVMM: nil, at: end) == .allowed)
    }

    @Test func `a cooldown beyond the end of time never ends, and traps nothing`() throws {
        var instance = try Sample.instance(.failed)
        instance.runtime.timeLastAutoRestarted = try Sample.time(0)
        instance.autoRestartCooldown = .seconds(Int64.max)
        #expect(instance.autoRestart(activeVMM: nil, at: .now()) == .coolingDown(until: .max))
        instance.autoRestartCooldown = .seconds(Int64.min)
        #expect(instance.autoRestart(activeVMM: nil, at: .now()) == .allowed)
    }
}
