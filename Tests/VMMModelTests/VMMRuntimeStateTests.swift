import Testing
import VMMModel

@Suite struct VMMRuntimeStateTests {
    @Test(arguments: Sample.everyState, Sample.everyState)
    func `a transition changes everything, or nothing when the state is the same`(from: VMMState, to: VMMState) throws {
        let before = try Sample.runtime(from, 7, at: 1_000)
        let after = try before.transition(to: to, at: Sample.time(2_000))
        #expect(try after == (from == to ? before : Sample.runtime(to, 8, at: 2_000)))
    }

    @Test func `failing for another reason is a change`() throws {
        let before = try Sample.runtime(.failed(.fromSledAgent), 3)
        let after = try before.transition(to: .failed(.noSuchInstance))
        #expect(after.state == .failed(.noSuchInstance))
        #expect(after.generation.rawValue == 4)
    }

    @Test func `a transition takes the time it is given, even an earlier one`() throws {
        let before = try Sample.runtime(.running, 3, at: 5_000)
        #expect(try before.transition(to: .stopping, at: Sample.time(-5)).timeUpdated == Sample.time(-5))
    }

    @Test func `a transition without a time happens now`() throws {
        let before = try Sample.runtime(.running, 3, at: 5_000)
        let earliest = Timestamp.now()
        #expect(try before.transition(to: .stopping).timeUpdated >= earliest)
    }

    @Test func `no generation is left after the last`() throws {
        let before = try Sample.runtime(.running, .max)
        #expect(throws: GenerationError.exhausted) { try before.transition(to: .stopping) }
        #expect(try before.transition(to: .running) == before)
    }

    @Test func `JSON has the fields state, gen and time_updated`() throws {
        let runtime = try Sample.runtime(.failed(.sledOff), 3, at: 1)
        let text = #"{"gen":3,"state":{"failed":"sled_off"},"time_updated":"1970-01-01T00:00:00.000001Z"}"#
        #expect(try JSON.text(runtime) == text)
        #expect(try JSON.decode(VMMRuntimeState.self, text) == runtime)
    }

    @Test(arguments: [
        #"{"gen":3,"state":"running"}"#,
        #"{"state":"running","time_updated":"1970-01-01T00:00:00Z"}"#,
        #"{"gen":3,"time_updated":"1970-01-01T00:00:00Z"}"#,
        #"{"gen":0,"state":"running","time_updated":"1970-01-01T00:00:00Z"}"#,
        #"{"gen":"3","state":"running","time_updated":"1970-01-01T00:00:00Z"}"#,
        #"{"gen":3,"state":"failed","time_updated":"1970-01-01T00:00:00Z"}"#,
        #"{"gen":3,"state":"running","time_updated":"1970-01-01"}"#,
        #"{"generation":3,"state":"running","timeUpdated":"1970-01-01T00:00:00Z"}"#,
        #"["running",3]"#,
    ])
    func `malformed JSON is a decoding error`(text: String) throws {
        #expect(try JSON.failure(VMMRuntimeState.self, text) != nil)
    }
}
