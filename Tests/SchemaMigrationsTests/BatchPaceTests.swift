import Testing

@testable import SchemaMigrations

/// How many pages a batch takes.
@Suite struct BatchPaceTests {
    @Test func `batches grow while they are faster than the target, up to the maximum`() {
        var pace = BatchPace(target: .milliseconds(100), maximum: 512)
        for _ in 0..<20 { pace.book(.milliseconds(10)) }
        #expect(pace.pages == 512)
    }

    @Test func `slow batches become smaller, and never so small that their number makes up for it`() {
        var pace = BatchPace(target: .milliseconds(100), maximum: 512)
        pace.book(.milliseconds(200))
        #expect(pace.pages == 32)
        for _ in 0..<20 { pace.book(.seconds(1)) }
        #expect(pace.pages == 16)
    }

    @Test func `a conflict makes batches smaller than slowness does, and time lets them grow again`() {
        var pace = BatchPace(target: .milliseconds(100), maximum: 512)
        for _ in 0..<5 { pace.shrink() }
        #expect(pace.pages == 1)
        pace.book(.seconds(1))
        #expect(pace.pages == 1)
        for _ in 0..<10 { pace.book(.milliseconds(10)) }
        #expect(pace.pages > 16)
    }

    @Test func `a maximum below the usual smallest batch is kept`() {
        var pace = BatchPace(target: .milliseconds(100), maximum: 2)
        pace.book(.seconds(1))
        #expect(pace.pages == 2)
    }
}
