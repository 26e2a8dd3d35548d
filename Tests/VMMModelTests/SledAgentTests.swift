import Testing
import VMMModel

@Suite struct SledAgentTests {
    static let toDomain: [(SledAgent.VMMState, VMMState)] = [
        (.starting, .starting), (.running, .running), (.stopping, .stopping), (.stopped, .stopped),
        (.rebooting, .rebooting), (.migrating, .migrating), (.failed, .failed(.fromSledAgent)),
        (.destroyed, .destroyed),
    ]

    static let toSledAgent: [(VMMState, SledAgent.VMMState)] =
        [
            (.creating, .starting), (.starting, .starting), (.running, .running), (.stopping, .stopping),
            (.stopped, .stopped), (.rebooting, .rebooting), (.migrating, .migrating), (.destroyed, .destroyed),
            (.sagaUnwound, .destroyed),
        ] + VMMFailureReason.allCases.map { (.failed($0), .failed) }

    @Test(arguments: toDomain)
    func `what a sled-agent reports becomes the same state, failed by its word`(
        reported: SledAgent.VMMState,
        domain: VMMState
    ) {
        #expect(VMMState(reported) == domain)
        #expect(SledAgent.VMMState(domain) == reported)
    }

    @Test(arguments: toSledAgent)
    func `a state becomes the nearest that a sled-agent knows`(domain: VMMState, sledAgent: SledAgent.VMMState) {
        #expect(SledAgent.VMMState(domain) == sledAgent)
    }

    @Test func `both tables are complete`() {
        #expect(Self.toDomain.map(\.0) == SledAgent.VMMState.allCases)
        #expect(Set(Self.toSledAgent.map(\.0)) == Set(Sample.everyState))
    }

    @Test func `a report keeps generation, time and live migrations in both directions`() throws {
        let report = SledAgent.SledVMMState(
            vmmState: try Self.runtime(.failed),
            migrationIn: try Self.migration(.completed, 2),
            migrationOut: try Self.migration(.failed, 3)
        )
        let domain = SledVMMState(report)
        #expect(domain.vmmState == (try Sample.runtime(.failed(.fromSledAgent), 5, at: 123_456)))
        #expect(domain.migrationIn == report.migrationIn)
        #expect(domain.migrationOut == report.migrationOut)
        #expect(SledAgent.SledVMMState(domain) == report)
        let alone = SledAgent.SledVMMState(vmmState: try Self.runtime(.running))
        #expect(SledVMMState(alone).migrationIn == nil)
        #expect(SledVMMState(alone).migrationOut == nil)
    }

    @Test func `a sled-agent's report has the sled-agent's JSON`() throws {
        let report = SledAgent.SledVMMState(
            vmmState: try Self.runtime(.failed),
            migrationIn: try Self.migration(.inProgress, 2)
        )
        let vmm = #"{"gen":5,"state":"failed","time_updated":"1970-01-01T00:00:00.123456Z"}"#
        let migration = """
            {"gen":2,"migration_id":"\(Sample.uuidText)","state":"in_progress","time_updated":"1970-01-01T00:00:00Z"}
            """
        let text = #"{"migration_in":\#(migration),"vmm_state":\#(vmm)}"#
        #expect(try JSON.text(report) == text)
        #expect(try JSON.decode(SledAgent.SledVMMState.self, text) == report)
        let withNull = #"{"migration_in":\#(migration),"migration_out":null,"vmm_state":\#(vmm)}"#
        #expect(try JSON.decode(SledAgent.SledVMMState.self, withNull) == report)
    }

    @Test func `the domain's report differs in the state only`() throws {
        let report = SledVMMState(vmmState: try Sample.runtime(.failed(.sledExpunged), 5))
        let text = """
            {"vmm_state":{"gen":5,"state":{"failed":"sled_expunged"},"time_updated":"1970-01-01T00:00:00Z"}}
            """
        #expect(try JSON.text(report) == text)
        #expect(try JSON.decode(SledVMMState.self, text) == report)
    }

    @Test func `nine fractional digits, as sled-agents send them, are accepted`() throws {
        let text = #"{"state":"running","gen":5,"time_updated":"1970-01-01T00:00:00.123456789Z"}"#
        #expect(try JSON.decode(SledAgent.VMMRuntimeState.self, text) == Self.runtime(.running))
    }

    @Test(arguments: [
        "{}", #"{"vmm_state":null}"#,
        #"{"vmm_state":{"gen":5,"state":"creating","time_updated":"1970-01-01T00:00:00Z"}}"#,
        #"{"vmm_state":{"gen":5,"state":{"failed":"sled_off"},"time_updated":"1970-01-01T00:00:00Z"}}"#,
        #"{"vmm_state":{"gen":5,"state":"running","time_updated":"1970-01-01T00:00:00Z"},"migration_in":{}}"#,
        #"{"vmm_state":{"gen":5,"state":"running","time_updated":"1970-01-01T00:00:00Z"},"migration_out":"x"}"#,
    ])
    func `a malformed report is a decoding error`(text: String) throws {
        #expect(try JSON.failure(SledAgent.SledVMMState.self, text) != nil)
    }

    @Test(arguments: [
        #"{"gen":1,"state":"pending","time_updated":"1970-01-01T00:00:00Z"}"#,
        #"{"gen":1,"migration_id":"x","state":"pending","time_updated":"1970-01-01T00:00:00Z"}"#,
        #"{"gen":1,"migration_id":"\#(Sample.uuidText)","state":"done","time_updated":"1970-01-01T00:00:00Z"}"#,
    ])
    func `a malformed report of a live migration is a decoding error`(text: String) throws {
        #expect(try JSON.failure(LiveMigrationRuntimeState.self, text) != nil)
    }

    private static func runtime(_ state: SledAgent.VMMState) throws -> SledAgent.VMMRuntimeState {
        SledAgent.VMMRuntimeState(
            state: state,
            generation: try Generation(5),
            timeUpdated: try Sample.time(123_456)
        )
    }

    private static func migration(_ state: LiveMigrationState, _ generation: Int64) throws
        -> LiveMigrationRuntimeState
    {
        LiveMigrationRuntimeState(
            liveMigrationID: try #require(LiveMigrationID(Sample.uuidText)),
            state: state,
            generation: try Generation(generation),
            timeUpdated: try Sample.time(0)
        )
    }
}
