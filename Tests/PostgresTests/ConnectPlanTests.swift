import Testing

@testable import Postgres

struct ConnectPlanTests {
    private func parameters(_ options: [String: String]) -> [String] {
        ConnectPlan(options).targets.map { target in
            target.parameters(address: nil).map { "\($0)=\($1)" }.joined(separator: " ")
        }
    }

    @Test func `lists are taken apart as libpq does`() {
        #expect(parameters(["port": "5432"]) == ["port=5432"])
        #expect(parameters(["host": "a,b", "port": "1,2"]) == ["host=a port=1", "host=b port=2"])
        #expect(parameters(["host": "a,b", "port": "7"]) == ["host=a port=7", "host=b port=7"])
        #expect(
            parameters(["host": "a,b", "hostaddr": "10.0.0.1,::1", "port": "7"])
                == ["host=a port=7 hostaddr=10.0.0.1", "host=b port=7 hostaddr=::1"]
        )
        #expect(parameters(["hostaddr": "10.0.0.1", "port": "7"]) == ["host=10.0.0.1 port=7 hostaddr=10.0.0.1"])
    }

    @Test func `an empty element of a list is a socket, never the whole list again`() {
        let parts = parameters(["host": "a,", "port": "1"])
        #expect(parts.count == 2)
        #expect(parts.last == "host=/tmp port=1" || parts.last == "host=/var/run/postgresql port=1")
    }

    @Test func `only names have to be resolved`() {
        for (host, isName) in [
            ("db.example", true), ("localhost", true), ("10.0.0.1", false), ("::1", false), ("/run/pg", false),
            ("@abstract", false), ("", false),
        ] {
            #expect(ConnectPlan.Target(host: host, address: "", port: "1").needsResolution == isName)
            #expect(!ConnectPlan.Target(host: host, address: "10.0.0.1", port: "1").needsResolution)
        }
    }

    @Test func `a preferred standby is looked for first, and then anything`() {
        #expect(ConnectPlan([:]).sessionAttributes == ["any"])
        #expect(ConnectPlan(["target_session_attrs": "read-write"]).sessionAttributes == ["read-write"])
        #expect(ConnectPlan(["target_session_attrs": "prefer-standby"]).sessionAttributes == ["standby", "any"])
    }

    @Test func `connect_timeout counts as in libpq`() {
        for (text, limit) in [("0", nil), ("-1", nil), ("1", 2), ("2", 2), ("30 ", 30), ("x", nil)] as [(String, Int?)]
        {
            #expect(ConnectPlan(["connect_timeout": text]).attemptLimit == limit.map { .seconds($0) })
        }
        #expect(ConnectPlan(["load_balance_hosts": "random"]).isRandom)
    }

    @Test func `the options are those that libpq puts together, without the password`() throws {
        let read = try EffectiveOptions.read([
            ("dbname", "postgresql://u:hunter2@h1:1,h2:2/d?target_session_attrs=primary")
        ])
        #expect(read["host"] == "h1,h2" && read["port"] == "1,2" && read["target_session_attrs"] == "primary")
        #expect(read["password"] == nil && !read.values.contains("hunter2"))
    }
}
