import Testing
import VMMModel

@Suite struct IPAddressTests {
    @Test(arguments: [
        ("10.0.0.1", "10.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"), ("::", "::"),
        ("fd00:1122:3344:101::a", "fd00:1122:3344:101::a"), ("FD00:0:0::0001", "fd00::1"),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.1"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ])
    func `an address has one canonical text`(text: String, canonical: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == canonical)
        #expect(IPAddress(canonical) == address)
        #expect(IPAddress(bytes: address.bytes) == address)
        #expect(try JSON.text([address]) == "[\"\(canonical)\"]")
        #expect(try JSON.decode([IPAddress].self, "[\"\(text)\"]") == [address])
    }

    @Test(arguments: [
        "", "10.0.0", "10.0.0.256", "10.0.0.1/32", "10.0.0.1\0", "010.0.0.1", " 10.0.0.1", "localhost", "fe80::1%eth0",
        "fd00::1::2", "fd00::/64", "12345::", ":", "[::1]", "1:2:3:4:5:6:7:8:9",
    ])
    func `anything else is not an address`(text: String) throws {
        #expect(IPAddress(text) == nil)
    }

    @Test func `an address has four or sixteen bytes`() throws {
        #expect(IPAddress(bytes: [10, 0, 0, 1])?.description == "10.0.0.1")
        #expect(IPAddress(bytes: [10, 0, 0, 1])?.isIPv6 == false)
        #expect(IPAddress("::1")?.bytes == [UInt8](repeating: 0, count: 15) + [1])
        #expect(IPAddress("::1")?.isIPv6 == true)
        for count in [0, 3, 5, 15, 17] {
            #expect(IPAddress(bytes: [UInt8](repeating: 0, count: count)) == nil)
        }
    }

    @Test func `decoding anything else is an error that names it`() throws {
        let error = try #require(try JSON.failure([IPAddress].self, #"["localhost"]"#))
        #expect(error.context?.debugDescription == "'localhost' is not an IP address")
        #expect(try JSON.failure([IPAddress].self, "[1]") != nil)
    }
}
