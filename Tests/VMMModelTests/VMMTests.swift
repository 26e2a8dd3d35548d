import Testing
import VMMModel

@Suite struct VMMTests {
    @Test func `a new VMM is creating, at the first generation, with both times now`() throws {
        let now = try Sample.time(1_787_313_600_000_001)
        let (instance, sled) = (InstanceID(), SledID())
        let address = try #require(IPAddress("fd00:1122::1"))
        let vmm = VMM.new(
            instanceID: instance,
            sledID: sled,
            propolisIP: address,
            cpuPlatform: .amdTurin,
            at: now
        )
        #expect(vmm.runtime == VMMRuntimeState(state: .creating, generation: .first, timeUpdated: now))
        #expect(vmm.timeCreated == now)
        #expect(vmm.timeDeleted == nil)
        #expect(vmm.instanceID == instance)
        #expect(vmm.sledID == sled)
        #expect(vmm.propolisIP == address)
        #expect(vmm.propolisPort == 12_400)
        #expect(vmm.cpuPlatform == .amdTurin)
    }

    @Test func `a new VMM without a time is created now, at one moment`() throws {
        let earliest = Timestamp.now()
        let vmm = try VMM.new(
            instanceID: InstanceID(),
            sledID: SledID(),
            propolisIP: #require(IPAddress("10.0.0.1")),
            propolisPort: 65_535,
            cpuPlatform: .sledDefault
        )
        #expect(vmm.timeCreated >= earliest)
        #expect(vmm.runtime.timeUpdated == vmm.timeCreated)
        #expect(vmm.propolisPort == 65_535)
    }
}
