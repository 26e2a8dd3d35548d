import Foundation
import Postgres
import SchemaMigrations
import Subprocess
import SystemPackage

/// Checks files against their signatures, by the system's `ssh-keygen -Y verify`.
///
/// What is checked are the bytes that were read, and that will be run: whoever exchanges a file meanwhile changes nothing.
final class SignatureCheck: Sendable {
    /// A signature is for this purpose alone; see ssh-keygen(1), `-Y sign`.
    static let namespace = "migrate"

    private let allowedSigners: String
    private let files = Lock<[String: [UInt8]]>([:])
    private let approved = Lock<Set<String>>([])

    init(allowedSigners: String) throws {
        guard FileManager.default.isReadableFile(atPath: allowedSigners) else {
            throw MigrationError(
                .unreadableFile,
                "the allowed signers cannot be read",
                at: SourceLocation(file: allowedSigners),
                hint: "a line for each: NAME namespaces=\"\(Self.namespace)\" ssh-ed25519 AAAA…",
                exitCode: .usage
            )
        }
        self.allowedSigners = allowedSigners
    }

    /// Keeps what was read of a file.
    func note(_ path: String, _ bytes: [UInt8]) {
        files.withLock { $0[path] = bytes }
    }

    /// - Throws: ``MigrationError`` of code `notSigned` naming each of these files that is not signed, or not by one of
    ///   the allowed.
    func require(_ paths: [String]) async throws {
        var errors: [MigrationError] = []
        for path in paths where !approved.withLock({ $0.contains(path) }) {
            if let reason = try await objection(to: path) {
                errors.append(notSigned(path, reason))
            } else {
                _ = approved.withLock { $0.insert(path) }
            }
        }
        guard let first = errors.first else { return }
        let rest = Array(errors.dropFirst())
        throw MigrationError(
            first.code,
            first.message,
            at: first.location,
            hint: first.hint,
            exitCode: first.exitCode,
            related: rest
        )
    }

    private func notSigned(_ path: String, _ reason: String) -> MigrationError {
        MigrationError(
            .notSigned,
            "\(reason); nothing was changed",
            at: SourceLocation(file: path),
            hint: "look at it, then sign it: ssh-keygen -Y sign -f KEY -n \(Self.namespace) \(path)",
            exitCode: .disagreement
        )
    }

    /// Why the file is not taken; nil when it is.
    private func objection(to path: String) async throws -> String? {
        guard let bytes = files.withLock({ $0[path] }) else { return "the file is not one that was read" }
        let signature = "\(path).sig"
        guard FileManager.default.fileExists(atPath: signature) else { return "the file has no signature" }
        let common = ["-s", signature, "-f", allowedSigners]
        let found = try await run(["-Y", "find-principals"] + common, [])
        guard found.isSuccess, let signer = found.output.split(separator: "\n").first else {
            return "its signature is by nobody who is allowed"
        }
        let verified = try await run(["-Y", "verify", "-n", Self.namespace, "-I", String(signer)] + common, bytes)
        return verified.isSuccess ? nil : "its signature is not of these bytes, or not for \"\(Self.namespace)\""
    }

    private func run(_ arguments: [String], _ input: [UInt8]) async throws -> (isSuccess: Bool, output: String) {
        do {
            let result = try await Subprocess.run(
                .name("ssh-keygen"),
                arguments: Arguments(arguments),
                input: .array(input),
                output: .string(limit: 1 << 16),
                error: .discarded
            )
            return (result.terminationStatus.isSuccess, result.standardOutput)
        } catch let error as SubprocessError {
            throw MigrationError(
                .notSigned,
                "signatures cannot be checked, since ssh-keygen cannot be run: \(error)",
                hint: "install OpenSSH's client (openssh-client)",
                exitCode: .needsHuman
            )
        }
    }
}

extension MigrationError.Code {
    /// A file is not signed by somebody who is allowed.
    static let notSigned = Self(rawValue: "not_signed")
}
