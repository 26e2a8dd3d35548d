import Testing
import VMMModel

@Suite struct VMMObservationTests {
    static let conclusions: [(VMMObservation, VMMObservation.Conclusion)] = [
        (.sledExpunged, .failed(.sledExpunged)),
        (.errorResponse(status: 404, code: "NO_SUCH_INSTANCE"), .failed(.noSuchInstance)),
        (.errorResponse(status: 404, code: "NOT_FOUND"), .unchanged(.errorResponse(status: 404))),
        (.errorResponse(status: 404, code: "no_such_instance"), .unchanged(.errorResponse(status: 404))),
        (.errorResponse(status: 404, code: nil), .unchanged(.errorResponse(status: 404))),
        (.errorResponse(status: 410, code: "NO_SUCH_INSTANCE"), .unchanged(.errorResponse(status: 410))),
        (.errorResponse(status: 500, code: "NO_SUCH_INSTANCE"), .unchanged(.errorResponse(status: 500))),
        (.errorResponse(status: 503, code: nil), .unchanged(.errorResponse(status: 503))),
        (.unreachable(sledPower: .off), .failed(.sledOff)),
        (.unreachable(sledPower: .on), .unchanged(.unreachable)),
        (.unreachable(sledPower: .unknown), .unchanged(.unreachable)),
        (.clientError, .unchanged(.clientError)),
    ]

    @Test(arguments: conclusions)
    func `each observation has one conclusion`(observation: VMMObservation, expected: VMMObservation.Conclusion) {
        #expect(observation.conclusion == expected)
    }

    @Test(arguments: SledAgentTests.toDomain)
    func `a report is taken at its word, at its own generation`(
        state: SledAgent.VMMState,
        expected: VMMState
    ) throws {
        let time = try Sample.time(9)
        let report = SledAgent.SledVMMState(
            vmmState: SledAgent.VMMRuntimeState(state: state, generation: try Generation(6), timeUpdated: time),
            migrationOut: LiveMigrationRuntimeState(
                liveMigrationID: LiveMigrationID(),
                state: .completed,
                generation: .first,
                timeUpdated: time
            )
        )
        let conclusion = SledVMMState(
            vmmState: try Sample.runtime(expected, 6, at: 9),
            migrationOut: report.migrationOut
        )
        #expect(VMMObservation.reported(report).conclusion == .reported(conclusion))
    }

    @Test func `incomplete checks have the labels that metrics know`() {
        #expect(VMMObservation.IncompleteCheck.errorResponse(status: 503).label == "503")
        #expect(VMMObservation.IncompleteCheck.unreachable.label == "unreachable")
        #expect(VMMObservation.IncompleteCheck.clientError.label == "client_error")
    }

    @Test func `no observation concludes a prehistoric failure`() {
        for (observation, _) in Self.conclusions {
            #expect(observation.conclusion != .failed(.prehistoric))
        }
        for state in SledAgent.VMMState.allCases {
            #expect(VMMState(state) != .failed(.prehistoric))
        }
    }
}
