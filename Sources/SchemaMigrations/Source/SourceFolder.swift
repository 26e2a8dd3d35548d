/// A folder of a source, on disk or in memory: one listing, and its files, read when asked for.
///
/// Names that begin with a dot are not there.
struct SourceFolder {
    /// The path for messages; empty for the root of a source in memory.
    let path: String
    let listing: DirectoryReader.Listing
    private let storage: Storage

    private enum Storage {
        case disk
        case memory(MemoryFolder)
    }

    private struct MemoryFolder {
        var files: [String: String] = [:]
        var folders: [String: MemoryFolder] = [:]

        mutating func add(_ text: String, at path: Substring) {
            guard !path.hasPrefix(".") else { return }
            if let slash = path.utf8.firstIndex(of: 0x2F) {
                folders[String(path[..<slash]), default: MemoryFolder()].add(text, at: path[slash...].dropFirst())
            } else {
                files[String(path)] = text
            }
        }
    }

    /// Lists a folder on disk.
    ///
    /// - Throws: ``MigrationError`` with `unreadableDirectory`.
    init(directory path: String) throws(MigrationError) {
        self.path = path
        listing = try DirectoryReader.list(path)
        storage = .disk
    }

    /// The root of texts in memory, whose keys are paths.
    init(files: [String: String]) {
        var root = MemoryFolder()
        for (path, text) in files { root.add(text, at: path[...]) }
        self.init(root, path: "")
    }

    private init(_ folder: MemoryFolder, path: String) {
        self.path = path
        listing = DirectoryReader.Listing(files: folder.files.keys.sorted(), folders: folder.folders.keys.sorted())
        storage = .memory(folder)
    }

    /// An entry's path, for messages.
    func place(of name: String) -> String {
        path.isEmpty ? name : "\(path)/\(name)"
    }

    /// Reads one of the files.
    ///
    /// - Throws: ``MigrationError`` with `unreadableFile`, or `invalidText` when it is larger than a server takes.
    func read(_ name: String) throws(MigrationError) -> [UInt8] {
        switch storage {
        case .disk: try DirectoryReader.read(place(of: name))
        case .memory(let folder): Array((folder.files[name] ?? "").utf8)
        }
    }

    /// Lists one of the folders.
    ///
    /// - Throws: ``MigrationError`` with `unreadableDirectory`.
    func folder(_ name: String) throws(MigrationError) -> SourceFolder {
        switch storage {
        case .disk: try SourceFolder(directory: place(of: name))
        case .memory(let folder): SourceFolder(folder.folders[name] ?? MemoryFolder(), path: place(of: name))
        }
    }
}
