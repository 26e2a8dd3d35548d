import Foundation
import Testing
import VMMModel

@Suite struct TypedIDTests {
    @Test func `the text of an identifier is lower case and parses back`() throws {
        let id = try #require(VMMID("6BA7B810-9DAD-11D1-80B4-00C04FD430C8"))
        #expect(id.description == Sample.uuidText)
        #expect(VMMID(id.description) == id)
        #expect(VMMID(id.uuid) == id)
    }

    @Test(arguments: [
        "", "6ba7b810", "{6ba7b810-9dad-11d1-80b4-00c04fd430c8}", "6ba7b8109dad11d180b400c04fd430c8",
        " 6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6ba7b810-9dad-11d1-80b4-00c04fd430c8 ",
        "6ba7b810-9dad-11d1-80b4-00c04fd430cg", "6ba7b810-9dad-11d1-80b4-00c04fd430c8\0",
    ])
    func `text in any other form is not an identifier`(text: String) {
        #expect(SledID(text) == nil)
    }

    @Test func `new identifiers differ`() {
        #expect(Set((0..<100).map { _ in VMMID() }).count == 100)
    }

    @Test func `an identifier is a plain string in JSON`() throws {
        let id = try #require(InstanceID(Sample.uuidText))
        #expect(try JSON.text([id]) == "[\"\(Sample.uuidText)\"]")
        #expect(try JSON.decode([InstanceID].self, "[\"\(Sample.uuidText.uppercased())\"]") == [id])
    }

    @Test func `decoding a malformed identifier says what it should identify`() throws {
        let error = try #require(try JSON.failure([LiveMigrationID].self, #"["x"]"#))
        let context = try #require(error.context)
        #expect(context.debugDescription == "'x' is not the identifier of a live migration: it is not a UUID")
        #expect(context.codingPath.count == 1)
        #expect(try JSON.failure([SledID].self, "[7]") != nil)
        #expect(try JSON.failure([SledID].self, "[null]") != nil)
    }

    @Test func `identifiers sort by their bytes as in the database`() throws {
        let sorted = [
            "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0100-000000000000",
            "00000001-0000-0000-0000-000000000000", "7fffffff-0000-0000-0000-000000000000",
            "80000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
        ]
        let ids = try sorted.map { try #require(VMMID($0)) }
        #expect(ids.reversed().sorted() == ids)
    }

    @Test func `each kind of thing has its name`() {
        #expect(VMM.entityName == "VMM")
        #expect(Instance.entityName == "instance")
        #expect(LiveMigration.entityName == "live migration")
        #expect(Sled.entityName == "sled")
        #expect(Project.entityName == "project")
        #expect(Updater.entityName == "updater")
    }
}
