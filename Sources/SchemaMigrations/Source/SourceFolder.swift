/// A folder of a source, on disk or in memory: one listing, and its files, read when asked for.
///
/// Names that begin with a dot are not there.
struct SourceFolder: Sendable {
    /// The path for messages; empty for the root of a source in memory.
    let path: String
    let listing: DirectoryReader.Listing
    private let storage: Storage

    private enum Storage {
        /// Whoever wants to know is told each file's path and bytes, from the thread that reads it.
        case disk((@Sendable (String, [UInt8]) -> Void)?)
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
    init(
        directory path: String,
        observing: (@Sendable (String, [UInt8]) -> Void)? = nil
    ) throws(MigrationError) {
        self.path = path
        listing = try DirectoryReader.list(path)
        storage = .disk(observing)
    }

    /// The root of texts in memory, whose keys are paths.
    init(files: [String: String]) {
        var root = MemoryFolder()
        for (path, text) in files { root.add(text, at: path[...]) }
        self.init(root, path: "")
    }

    private init(_ folder: MemoryFolder, path: String) {
        self.path = path
        var listing = DirectoryReader.Listing(files: folder.files.keys.sorted(), folders: folder.folders.keys.sorted())
        listing.leaveOutSignatures()
        self.listing = listing
        storage = .memory(folder)
    }

    /// An entry's path, for messages.
    func place(of name: String) -> String {
        guard !path.isEmpty else { return name }
        var place = ""
        place.reserveCapacity(path.utf8.count + 1 + name.utf8.count)
        place += path
        place += "/"
        place += name
        return place
    }

    /// Reads one of the files.
    ///
    /// - Throws: ``MigrationError`` with `unreadableFile`, or `invalidText` when it is larger than a server takes.
    func read(_ name: String) throws(MigrationError) -> [UInt8] {
        switch storage {
        case .disk(let observe):
            let bytes = try DirectoryReader.read(place(of: name))
            observe?(place(of: name), bytes)
            return bytes
        case .memory(let folder): return Array((folder.files[name] ?? "").utf8)
        }
    }

    /// Lists one of the folders.
    ///
    /// - Throws: ``MigrationError`` with `unreadableDirectory`.
    func folder(_ name: String) throws(MigrationError) -> SourceFolder {
        switch storage {
        case .disk(let observe): try SourceFolder(directory: place(of: name), observing: observe)
        case .memory(let folder): SourceFolder(folder.folders[name] ?? MemoryFolder(), path: place(of: name))
        }
    }
}
