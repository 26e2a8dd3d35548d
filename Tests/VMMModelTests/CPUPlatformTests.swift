import Testing
import VMMModel

@Suite struct CPUPlatformTests {
    @Test func `an instance's platform becomes the VMM's of the same name`() {
        #expect(InstanceCPUPlatform.allCases.map(VMMCPUPlatform.init) == [.amdMilan, .amdTurin, .amdTurinV2])
        for platform in InstanceCPUPlatform.allCases {
            #expect(VMMCPUPlatform(platform).label == platform.label)
        }
    }

    @Test func `each platform runs on the sleds that have at least its CPU`() {
        #expect(VMMCPUPlatform.sledDefault.compatibleSledFamilies == nil)
        #expect(VMMCPUPlatform.amdMilan.compatibleSledFamilies == [.amdMilan, .amdTurin, .amdTurinDense])
        #expect(VMMCPUPlatform.amdTurin.compatibleSledFamilies == [.amdTurin, .amdTurinDense])
        #expect(VMMCPUPlatform.amdTurinV2.compatibleSledFamilies == [.amdTurin, .amdTurinDense])
    }
}
