import Foundation
import Postgres
import SchemaMigrations
import SystemLibPQ
import VMMModel

/// A string that libpq takes is taken, one that it refuses is refused, and the refusal does not repeat the password.
func fuzzConnectionString(_ bytes: UnsafeBufferPointer<UInt8>) {
    let text = String(decoding: bytes, as: UTF8.self)
    var isTaken = true
    do {
        _ = try PostgresConfiguration(text)
    } catch {
        isTaken = false
        // Without either there is no password in it, and the name of an unknown option helps.
        let mayHoldPassword = text.contains("password") || text.contains("@")
        if mayHoldPassword, text.contains("hunter2"), "\(error)\(error.debugDescription)".contains("hunter2") {
            finding("the password is repeated")
        }
    }
    // A zero byte ends what C sees; ours is refused.
    guard !text.utf8.contains(0) else {
        if isTaken { finding("a string with a zero byte is taken") }
        return
    }
    var message: UnsafeMutablePointer<CChar>?
    let options = PQconninfoParse(text, &message)
    defer {
        PQconninfoFree(options)
        PQfreemem(message)
    }
    if options == nil, isTaken { finding("libpq refuses what is taken here") }
}

/// The first byte chooses the layout, the rest is the file.
func fuzzMigrations(_ bytes: UnsafeBufferPointer<UInt8>) {
    guard let choice = bytes.first else { return }
    let text = String(decoding: bytes.dropFirst(), as: UTF8.self)
    let layouts: [(MigrationLayout, String)] = [
        (.folders, "0001_a/up.sql"), (.golangMigrate, "1_a.up.sql"), (.dbmate, "1_a.sql"),
        (.diesel, "2024-01-01-000000_a/up.sql"), (.prisma, "20240101000000_a/migration.sql"),
        (.flyway, "V1__a.sql"),
    ]
    let (layout, path) = layouts[Int(choice) % layouts.count]
    do throws(MigrationError) {
        let source = try MigrationSource(files: [path: text], layout: layout)
        let again = try MigrationSource(files: [path: text], layout: layout)
        if source.migrations != again.migrations { finding("a file does not always read the same") }
    } catch {
        if error.message.isEmpty { finding("an error says nothing") }
    }
}

/// A plan that is read is written and read again as the same.
func fuzzPlan(_ bytes: UnsafeBufferPointer<UInt8>) {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    guard let plan = try? decoder.decode(SavedPlan.self, from: Data(bytes)) else { return }
    guard let written = try? encoder.encode(plan), let again = try? decoder.decode(SavedPlan.self, from: written),
        again == plan
    else { finding("a plan does not survive being written") }
}

/// The first byte chooses the type, the rest is the value as a server would send it.
///
/// What is decoded is encoded and decoded again as the same, where the type has one form for a value.
func fuzzValue(_ bytes: UnsafeBufferPointer<UInt8>) {
    guard let choice = bytes.first else { return }
    let value = Array(bytes.dropFirst())
    let decoders: [([UInt8]) -> Void] = [
        decode(Bool.self, .bool), decode(Int16.self, .int2), decode(Int32.self, .int4), decode(Int64.self, .int8),
        decode(Float.self, .float4), decode(Double.self, .float8), decode(String.self, .text),
        decode(Data.self, .bytea), decode(UUID.self, .uuid), decode(PostgresNumeric.self, .numeric),
        decode(PostgresDate.self, .date), decode(PostgresTime.self, .time), decode(PostgresInterval.self, .interval),
        decode(PostgresTimestamp.self, .timestamptz), decode(PostgresLocalTimestamp.self, .timestamp),
        decode(PostgresInet.self, .inet), decode(PostgresCIDR.self, .cidr), decode(PostgresMACAddress.self, .macaddr),
        decode([Int32].self, .int4Array), decode([String?].self, .textArray),
        decode(PostgresArray<Int64>.self, .int8Array), decode(PostgresRange<Int32>.self, .int4Range),
        decode(PostgresRange<PostgresNumeric>.self, .numericRange),
        decode(PostgresMultirange<Int32>.self, .int4Multirange),
    ]
    decoders[Int(choice) % decoders.count](value)
}

private func decode<Value: PostgresDecodable>(_: Value.Type, _ type: PostgresType) -> ([UInt8]) -> Void {
    { bytes in
        do throws(PostgresError) {
            // Describing it must not trap either.
            _ = "\(try Value.decode(bytes.span.bytes, type: type))"
        } catch {
            if error.code != .decodingFailed { finding("\(Value.self): \(error.code)") }
        }
    }
}

/// What is read is written and read again as the same.
func fuzzWire(_ bytes: UnsafeBufferPointer<UInt8>) {
    guard let choice = bytes.first else { return }
    let json = Data(bytes.dropFirst())
    switch choice % 4 {
    case 0: survive(SledVMMState.self, json)
    case 1: survive(SledAgent.SledVMMState.self, json)
    case 2: survive(VMMRuntimeState.self, json)
    default: survive(LiveMigrationRuntimeState.self, json)
    }
}

private func survive<Value: Codable & Equatable>(_: Value.Type, _ json: Data) {
    guard let value = try? JSONDecoder().decode(Value.self, from: json) else { return }
    guard let written = try? JSONEncoder().encode(value),
        let again = try? JSONDecoder().decode(Value.self, from: written), again == value
    else { finding("\(Value.self) does not survive being written") }
}
