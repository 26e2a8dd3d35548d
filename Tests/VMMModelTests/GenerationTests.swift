import Testing
import VMMModel

@Suite struct GenerationTests {
    @Test func `generations range from one to the largest 64-bit number`() throws {
        #expect(try Generation(1) == .first)
        #expect(try Generation(.max) == .last)
        #expect(Generation.first.rawValue == 1)
        #expect(Generation.last.rawValue == 9_223_372_036_854_775_807)
    }

    @Test(arguments: [0, -1, Int64.min])
    func `a number below one is not a generation`(number: Int64) {
        #expect(throws: GenerationError.outOfRange(number)) { try Generation(number) }
    }

    @Test func `the next generation is one more`() throws {
        #expect(try Generation.first.next() == Generation(2))
        #expect(try Generation(.max - 1).next() == .last)
    }

    @Test func `there is no generation after the last`() {
        #expect(throws: GenerationError.exhausted) { try Generation.last.next() }
    }

    @Test func `generations are ordered as numbers`() throws {
        #expect(try Generation(9) < Generation(10))
        #expect(try !(Generation(10) < Generation(10)))
        #expect(Generation.first < .last)
    }

    @Test(arguments: [1, 42, Int64.max])
    func `a generation is a number in JSON, exact to the last digit`(number: Int64) throws {
        let generation = try Generation(number)
        #expect(try JSON.text([generation]) == "[\(number)]")
        #expect(try JSON.decode([Generation].self, "[\(number)]") == [generation])
        #expect(generation.description == "\(number)")
    }

    @Test(arguments: ["0", "-1", "9223372036854775808", "1.5", "\"1\"", "null", "true", "{}"])
    func `anything else in JSON is a decoding error`(text: String) throws {
        #expect(try JSON.failure([Generation].self, "[\(text)]") != nil)
    }

    @Test func `a decoding error names the number and the range`() throws {
        let error = try #require(try JSON.failure([Generation].self, "[0]"))
        let context = try #require(error.context)
        #expect(context.debugDescription.contains("0 is not a generation"))
        #expect(context.underlyingError as? GenerationError == .outOfRange(0))
        #expect(context.codingPath.count == 1)
        #expect(GenerationError.exhausted.description.contains("9223372036854775807"))
    }
}
