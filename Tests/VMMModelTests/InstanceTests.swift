import Testing
import VMMModel

@Suite struct InstanceTests {
    @Test(arguments: [(true, InstanceIntendedState.running), (false, .stopped)])
    func `a new instance is creating, unlocked, and intended as requested`(
        startRequested: Bool,
        intended: InstanceIntendedState
    ) throws {
        let now = try Sample.time(5)
        let project = ProjectID()
        let instance = Instance.new(projectID: project, name: "web", startRequested: startRequested, at: now)
        #expect(
            instance.runtime == InstanceRuntimeState(state: .creating, generation: .first, timeUpdated: now)
        )
        #expect(instance.runtime.activeVMMID == nil)
        #expect(instance.intendedState == intended)
        #expect(instance.updaterID == nil)
        #expect(instance.updaterGeneration == 1)
        #expect(instance.projectID == project)
        #expect([instance.timeCreated, instance.timeModified] == [now, now])
        #expect(instance.timeDeleted == nil)
    }

    @Test(arguments: InstanceState.Kind.allCases)
    func `an instance has an active VMM exactly in state vmm`(kind: InstanceState.Kind) throws {
        let id = VMMID()
        if kind == .vmm {
            #expect(try InstanceState(kind: kind, activeVMMID: id) == .vmm(id))
            #expect(throws: InstanceStateError.missingActiveVMM) { try InstanceState(kind: kind, activeVMMID: nil) }
        } else {
            let state = try InstanceState(kind: kind, activeVMMID: nil)
            #expect(state.kind == kind)
            #expect(state.activeVMMID == nil)
            #expect(throws: InstanceStateError.unexpectedActiveVMM(kind, id)) {
                try InstanceState(kind: kind, activeVMMID: id)
            }
        }
        #expect(InstanceState.vmm(id).kind == .vmm)
        #expect(InstanceState.vmm(id).activeVMMID == id)
    }

    @Test func `an impossible pair is named in the error`() throws {
        let id = try #require(VMMID(Sample.uuidText))
        #expect(
            InstanceStateError.unexpectedActiveVMM(.noVMM, id).description
                == "an instance in state no_vmm cannot have the active VMM \(Sample.uuidText)"
        )
        #expect(InstanceStateError.missingActiveVMM.description == "an instance in state vmm needs an active VMM")
    }
}
