import Testing
import VMMModel

@Suite struct LabelTests {
    @Test func `the labels are those of the database, in its order`() {
        #expect(
            labels(VMMState.Kind.self) == [
                "creating", "starting", "running", "stopping", "stopped", "rebooting", "migrating", "failed",
                "destroyed", "saga_unwound",
            ]
        )
        #expect(
            labels(VMMFailureReason.self) == [
                "prehistoric", "from_sled_agent", "no_such_instance", "sled_expunged", "sled_off",
            ]
        )
        #expect(labels(LiveMigrationState.self) == ["pending", "in_progress", "failed", "completed"])
        #expect(labels(InstanceState.Kind.self) == ["creating", "no_vmm", "vmm", "failed", "destroyed"])
        #expect(labels(InstanceIntendedState.self) == ["running", "stopped", "guest_shutdown", "destroyed"])
        #expect(labels(InstanceAutoRestartPolicy.self) == ["never", "best_effort"])
        #expect(labels(VMMCPUPlatform.self) == ["sled_default", "amd_milan", "amd_turin", "amd_turin_v2"])
        #expect(labels(InstanceCPUPlatform.self) == ["amd_milan", "amd_turin", "amd_turin_v2"])
    }

    @Test func `the labels of interfaces are those that peers know`() {
        #expect(
            labels(SledAgent.VMMState.self) == [
                "starting", "running", "stopping", "stopped", "rebooting", "migrating", "failed", "destroyed",
            ]
        )
        #expect(
            labels(ExternalInstanceState.self) == [
                "creating", "starting", "running", "stopping", "stopped", "rebooting", "migrating", "repairing",
                "failed", "destroyed",
            ]
        )
    }

    @Test func `every label gives its value back, as text and as JSON`() throws {
        try checkRoundTrips(VMMState.Kind.self)
        try checkRoundTrips(VMMFailureReason.self)
        try checkRoundTrips(LiveMigrationState.self)
        try checkRoundTrips(InstanceState.Kind.self)
        try checkRoundTrips(InstanceIntendedState.self)
        try checkRoundTrips(InstanceAutoRestartPolicy.self)
        try checkRoundTrips(VMMCPUPlatform.self)
        try checkRoundTrips(InstanceCPUPlatform.self)
        try checkRoundTrips(SledAgent.VMMState.self)
        try checkRoundTrips(ExternalInstanceState.self)
    }

    @Test func `an unknown label is an error that names it and lists the known ones`() throws {
        let error = #expect(throws: UnknownLabelError.self) { try VMMFailureReason(label: "gremlins") }
        #expect(error?.label == "gremlins")
        #expect(error?.known == VMMFailureReason.allCases.map(\.label))
        #expect(
            error?.description == "unknown VMM failure reason 'gremlins'; known are prehistoric, from_sled_agent, "
                + "no_such_instance, sled_expunged, sled_off"
        )
    }

    @Test func `each set of labels says what it is about`() {
        #expect(meaning(VMMState.Kind.self) == "VMM state")
        #expect(meaning(SledAgent.VMMState.self) == "sled-agent VMM state")
        #expect(meaning(LiveMigrationState.self) == "live migration state")
        #expect(meaning(InstanceState.Kind.self) == "instance state")
        #expect(meaning(InstanceIntendedState.self) == "intended instance state")
        #expect(meaning(InstanceAutoRestartPolicy.self) == "auto-restart policy")
        #expect(meaning(VMMCPUPlatform.self) == "VMM CPU platform")
        #expect(meaning(InstanceCPUPlatform.self) == "instance CPU platform")
        #expect(meaning(ExternalInstanceState.self) == "external instance state")
    }

    @Test func `a decoding error carries the unknown label and where it is`() throws {
        let error = try #require(try JSON.failure([VMMFailureReason].self, #"["sled_off","gremlins"]"#))
        let context = try #require(error.context)
        #expect((context.underlyingError as? UnknownLabelError)?.label == "gremlins")
        #expect(context.debugDescription.contains("sled_expunged"))
        #expect(context.codingPath.map(\.intValue) == [1])
    }

    @Test func `each failure reason has a sentence of its own for operators`() {
        let sentences = Set(VMMFailureReason.allCases.map(\.description))
        #expect(sentences.count == VMMFailureReason.allCases.count)
        for reason in VMMFailureReason.allCases {
            #expect(reason.description != reason.label)
            #expect(reason.description.hasSuffix("."))
        }
    }

    private func labels<Value: Labeled>(_ type: Value.Type) -> [String] {
        type.allCases.map(\.label)
    }

    /// What the error for an unknown label says the label should have been.
    private func meaning<Value: Labeled>(_ type: Value.Type) -> String? {
        #expect(throws: UnknownLabelError.self) { try type.init(label: "?") }?.meaning
    }

    private func checkRoundTrips<Value: Labeled>(_ type: Value.Type) throws {
        for value in type.allCases {
            #expect(try Value(label: value.label) == value)
            #expect(try JSON.text([value]) == "[\"\(value.label)\"]")
            #expect(try JSON.decode([Value].self, "[\"\(value.label)\"]") == [value])
            #expect(throws: UnknownLabelError.self) { try Value(label: value.label.uppercased()) }
            #expect(throws: UnknownLabelError.self) { try Value(label: value.label + " ") }
        }
        #expect(throws: UnknownLabelError.self) { try Value(label: "") }
        for malformed in ["\"?\"", "1", "null", "{}", "[]"] {
            #expect(try JSON.failure([Value].self, "[\(malformed)]") != nil)
        }
    }
}
