import Foundation

/// Writes a Swift file that holds every file of a folder: `EmbedMigrationsTool FOLDER OUTPUT`.
///
/// The plugin `EmbedMigrations` runs it at build time.
@main
enum EmbedMigrationsTool {
    static func main() {
        let arguments = CommandLine.arguments
        guard arguments.count == 3 else { fail("usage: EmbedMigrationsTool FOLDER OUTPUT") }
        let folder = URL(filePath: arguments[1]).standardizedFileURL
        do {
            let text = try source(of: folder)
            try Data(text.utf8).write(to: URL(filePath: arguments[2]), options: .atomic)
        } catch {
            fail("\(folder.path()): \(error.localizedDescription)")
        }
    }

    private static func source(of folder: URL) throws -> String {
        var lines: [String] = []
        for path in try FileManager.default.subpathsOfDirectory(atPath: folder.path()).sorted() {
            var isFolder: ObjCBool = false
            let file = folder.appending(path: path)
            _ = FileManager.default.fileExists(atPath: file.path(percentEncoded: false), isDirectory: &isFolder)
            let isHidden = path.split(separator: "/").contains { $0.hasPrefix(".") }
            if isFolder.boolValue || isHidden { continue }
            guard let text = String(validating: try Data(contentsOf: file), as: UTF8.self) else {
                fail("\(file.path(percentEncoded: false)): not UTF-8 text")
            }
            lines.append("        \(literal(path)): \(literal(text)),")
        }
        let entries = lines.isEmpty ? "        :" : lines.joined(separator: "\n")
        return """
            /// The migrations that were in the folder when this was built, for `MigrationSource(files:)`.
            enum EmbeddedMigrations {
                /// The texts by path.
                static let files: [String: String] = [
            \(entries)
                ]
            }

            """
    }

    /// A text as a Swift literal.
    private static func literal(_ text: String) -> String {
        var literal = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": literal += "\\\(scalar)"
            case "\n": literal += "\\n"
            case " "..."~": literal.unicodeScalars.append(scalar)
            default: literal += "\\u{\(String(scalar.value, radix: 16))}"
            }
        }
        return literal + "\""
    }

    private static func fail(_ message: String) -> Never {
        FileHandle.standardError.write(Data("error: \(message)\n".utf8))
        exit(1)
    }
}
