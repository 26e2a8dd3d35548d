import Foundation
import SchemaMigrations

/// The file between `plan --output` and `up --plan`.
enum PlanFile {
    /// - Throws: ``MigrationError`` of code `cannotCreate`.
    static func write(_ plan: SavedPlan, to path: String) throws {
        try OutputFile.write(try JSONOutput.object(plan) + "\n", to: path, "the plan")
    }

    /// - Throws: ``MigrationError`` for a file that cannot be read (64).
    static func data(_ path: String) throws -> Data {
        do {
            return try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw MigrationError(
                .unreadableFile,
                "the plan cannot be read: \(error.localizedDescription)",
                at: SourceLocation(file: path),
                hint: "make one: migrate plan --output \(path)",
                exitCode: .usage
            )
        }
    }

    /// - Throws: ``MigrationError`` for a text that is no plan of this release (64).
    static func decode(_ data: Data, from path: String) throws -> SavedPlan {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do {
            return try decoder.decode(SavedPlan.self, from: data)
        } catch {
            throw MigrationError(
                .notAPlan,
                "this is no plan that migrate plan --output has written: \(reason(error))",
                at: SourceLocation(file: path),
                hint: "make a new one: migrate plan --output \(path)",
                exitCode: .usage
            )
        }
    }

    private static func reason(_ error: any Error) -> String {
        guard let error = error as? DecodingError else { return error.localizedDescription }
        switch error {
        case .keyNotFound(let key, _): return "\(key.stringValue) is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            return "\(context.codingPath.map(\.stringValue).joined(separator: ".")) has the wrong type"
        case .dataCorrupted(let context):
            let place = context.codingPath.map(\.stringValue).joined(separator: ".")
            return place.isEmpty ? "it is not JSON" : "\(place) has a value that is not known"
        @unknown default: return "it cannot be decoded"
        }
    }
}

extension MigrationError.Code {
    /// A file is no saved plan.
    static let notAPlan = Self(rawValue: "not_a_plan")
}
