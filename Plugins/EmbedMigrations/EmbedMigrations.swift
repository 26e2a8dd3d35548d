import Foundation
import PackagePlugin

/// Compiles a folder of migrations into the target that uses the plugin, as `EmbeddedMigrations.files`.
///
/// The folder is `migrations` beside the target's sources, or else beside `Package.swift`.
@main
struct EmbedMigrations: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        let places = [target.directoryURL, context.package.directoryURL].map { $0.appending(path: "migrations") }
        guard let folder = places.first(where: { FileManager.default.fileExists(atPath: $0.path()) }) else {
            Diagnostics.error("there is no folder \(places.map { $0.path() }.joined(separator: " or "))")
            return []
        }
        let output = context.pluginWorkDirectoryURL.appending(path: "EmbeddedMigrations.swift")
        return [
            .buildCommand(
                displayName: "Embedding \(folder.path())",
                executable: try context.tool(named: "EmbedMigrationsTool").url,
                arguments: [folder.path(), output.path()],
                inputFiles: Self.files(in: folder),
                outputFiles: [output]
            )
        ]
    }

    /// Every file below the folder, so that a change of one of them builds anew.
    private static func files(in folder: URL) -> [URL] {
        let enumerator = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: [.isRegularFileKey])
        let entries = enumerator?.compactMap { $0 as? URL } ?? []
        return entries.filter { (try? $0.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile) ?? false }
    }
}
