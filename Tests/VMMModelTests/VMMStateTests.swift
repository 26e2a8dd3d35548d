import Testing
import VMMModel

@Suite struct VMMStateTests {
    /// A row of the table of predicates.
    struct Row {
        let kind: VMMState.Kind
        let isTerminal: Bool
        let isFailed: Bool
        let isDestroyable: Bool
        let existsOnSled: Bool

        init(_ kind: VMMState.Kind, _ isTerminal: Bool, _ isFailed: Bool, _ isDestroyable: Bool, _ existsOnSled: Bool) {
            self.kind = kind
            self.isTerminal = isTerminal
            self.isFailed = isFailed
            self.isDestroyable = isDestroyable
            self.existsOnSled = existsOnSled
        }
    }

    // Columns: is terminal, is failed, is destroyable, exists on its sled.
    static let predicates = [
        Row(.creating, false, false, false, false),
        Row(.starting, false, false, false, true),
        Row(.running, false, false, false, true),
        Row(.stopping, false, false, false, true),
        Row(.stopped, false, false, false, true),
        Row(.rebooting, false, false, false, true),
        Row(.migrating, false, false, false, true),
        Row(.failed, true, true, true, true),
        Row(.destroyed, true, false, true, false),
        Row(.sagaUnwound, false, false, true, false),
    ]

    @Test(arguments: predicates)
    func `each kind of state answers every predicate as the table says`(row: Row) {
        #expect(row.kind.isTerminal == row.isTerminal)
        #expect(row.kind.isFailed == row.isFailed)
        #expect(row.kind.isDestroyable == row.isDestroyable)
        #expect(row.kind.existsOnSled == row.existsOnSled)
    }

    @Test(arguments: predicates)
    func `a state answers every predicate as its kind does, whatever the reason`(row: Row) {
        let states = Sample.everyState.filter { $0.kind == row.kind }
        #expect(states.count == (row.kind == .failed ? 5 : 1))
        for state in states {
            #expect(state.isTerminal == row.isTerminal)
            #expect(state.isFailed == row.isFailed)
            #expect(state.isDestroyable == row.isDestroyable)
            #expect(state.existsOnSled == row.existsOnSled)
            #expect(state.label == row.kind.label)
        }
    }

    @Test func `the table has a row for each state, and the lists follow from it`() {
        #expect(Self.predicates.map(\.kind) == VMMState.Kind.allCases)
        #expect(VMMState.Kind.terminal == [.failed, .destroyed])
        #expect(VMMState.Kind.destroyable == [.failed, .destroyed, .sagaUnwound])
        #expect(VMMState.Kind.absentFromSled == [.creating, .destroyed, .sagaUnwound])
    }

    @Test(arguments: Sample.everyState)
    func `a state is its kind and its reason`(state: VMMState) throws {
        #expect(try VMMState(kind: state.kind, failureReason: state.failureReason) == state)
        #expect((state.failureReason != nil) == state.isFailed)
    }

    @Test(arguments: VMMState.Kind.allCases, VMMFailureReason.allCases)
    func `only a failed state takes a reason`(kind: VMMState.Kind, reason: VMMFailureReason) throws {
        if kind == .failed {
            #expect(try VMMState(kind: kind, failureReason: reason) == .failed(reason))
        } else {
            #expect(throws: VMMStateError.unexpectedFailureReason(kind, reason)) {
                try VMMState(kind: kind, failureReason: reason)
            }
        }
    }

    @Test func `a failed state needs a reason`() {
        #expect(throws: VMMStateError.missingFailureReason) { try VMMState(kind: .failed, failureReason: nil) }
        #expect(VMMStateError.missingFailureReason.description == "a VMM in state failed needs a failure reason")
        #expect(
            VMMStateError.unexpectedFailureReason(.running, .sledOff).description
                == "a VMM in state running cannot have the failure reason sled_off"
        )
    }

    @Test(arguments: Sample.everyState)
    func `JSON is the label, or an object that holds the reason`(state: VMMState) throws {
        let expected = state.failureReason.map { #"{"failed":"\#($0.label)"}"# } ?? #""\#(state.label)""#
        #expect(try JSON.text([state]) == "[\(expected)]")
        #expect(try JSON.decode([VMMState].self, "[\(expected)]") == [state])
    }

    @Test(arguments: [
        #""failed""#, #""Running""#, #""""#, "1", "null", "true", "[]", #"["running"]"#, "{}", #"{"running":null}"#,
        #"{"failed":null}"#, #"{"failed":"gremlins"}"#, #"{"failed":{}}"#, #"{"Failed":"sled_off"}"#,
        #"{"failed":"sled_off","running":null}"#, #""sled_off""#,
    ])
    func `any other JSON is a decoding error`(text: String) throws {
        #expect(try JSON.failure([VMMState].self, "[\(text)]") != nil)
    }

    @Test func `decoding errors say what is wrong`() throws {
        let unknown = try #require(try JSON.failure([VMMState].self, #"["gone"]"#)?.context)
        #expect((unknown.underlyingError as? UnknownLabelError)?.label == "gone")
        #expect(unknown.debugDescription.contains("saga_unwound"))
        let bare = try #require(try JSON.failure([VMMState].self, #"["failed"]"#)?.context)
        #expect(bare.underlyingError as? VMMStateError == .missingFailureReason)
        let reason = try #require(try JSON.failure([VMMState].self, #"[{"failed":"gremlins"}]"#)?.context)
        #expect((reason.underlyingError as? UnknownLabelError)?.label == "gremlins")
        #expect(reason.codingPath.map(\.stringValue).last == "failed")
        let number = try #require(try JSON.failure([VMMState].self, "[1]")?.context)
        #expect(number.debugDescription.contains(#"{"failed": reason}"#))
    }

    @Test func `a state in text shows the reason's label`() {
        #expect("\(VMMState.sagaUnwound)" == "saga_unwound")
        #expect("\(VMMState.failed(.sledOff))" == "failed(sled_off)")
        #expect("\(VMMState.Kind.sagaUnwound)" == "saga_unwound")
    }
}
