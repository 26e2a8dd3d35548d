import Glibc

/// Reads a folder of migrations with one listing per folder and one read per file.
enum DirectoryReader {
    /// What a folder holds, names sorted by their bytes.
    struct Listing: Sendable {
        var files: [String] = []
        var folders: [String] = []
        /// Neither files nor folders: sockets, pipes, links that lead nowhere.
        var others: [String] = []

        /// The signature of a file, `NAME.sig` beside it, is no file of its own.
        mutating func leaveOutSignatures() {
            guard files.contains(where: { $0.hasSuffix(".sig") }) else { return }
            let names = Set(files)
            files.removeAll { $0.hasSuffix(".sig") && names.contains(String($0.dropLast(4))) }
        }
    }

    /// Lists a folder, dot-files left out.
    ///
    /// - Throws: ``MigrationError`` with `unreadableDirectory`.
    static func list(_ path: String) throws(MigrationError) -> Listing {
        guard let directory = opendir(path) else {
            let code = errno
            throw MigrationError(
                .unreadableDirectory,
                "cannot list the folder: \(reason(code))",
                at: SourceLocation(file: path),
                hint: "name the folder with --migrations; \"migrate new NAME\" makes one here"
            )
        }
        defer { closedir(directory) }
        var listing = Listing()
        while let entry = readdir(directory) {
            let type = entry.pointee.d_type
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { raw in
                String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasPrefix(".") { continue }
            switch kind(of: type, path: path, name: name) {
            case mode_t(S_IFREG): listing.files.append(name)
            case mode_t(S_IFDIR): listing.folders.append(name)
            default: listing.others.append(name)
            }
        }
        listing.leaveOutSignatures()
        listing.files.sort()
        listing.folders.sort()
        listing.others.sort()
        return listing
    }

    /// Reads a regular file to its end.
    ///
    /// - Throws: ``MigrationError`` with `unreadableFile`, or `invalidText` when it is larger than a server takes.
    static func read(_ path: String) throws(MigrationError) -> [UInt8] {
        // Non-blocking, so that a pipe put in a file's place meanwhile cannot hang the run.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw unreadable(path, errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw unreadable(path, errno) }
        guard status.st_size <= off_t(SQLFile.maximumSize) else {
            throw MigrationError(
                .invalidText,
                "the file has \(status.st_size) bytes; a server takes \(SQLFile.maximumSize) at most",
                at: SourceLocation(file: path)
            )
        }
        var failure: Int32 = 0
        let size = Int(status.st_size)
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while count < size {
                let received = Glibc.read(descriptor, buffer.baseAddress.map { $0 + count }, size - count)
                if received < 0 && errno == EINTR { continue }
                if received < 0 { failure = errno }
                guard received > 0 else { return }
                count += received
            }
        }
        guard failure == 0 else { throw unreadable(path, failure) }
        return bytes
    }

    private static func kind(of type: UInt8, path: String, name: String) -> mode_t {
        switch Int(type) {
        case Int(DT_REG): return mode_t(S_IFREG)
        case Int(DT_DIR): return mode_t(S_IFDIR)
        case Int(DT_LNK), Int(DT_UNKNOWN):
            var status = stat()
            guard stat("\(path)/\(name)", &status) == 0 else { return 0 }
            return status.st_mode & mode_t(S_IFMT)
        default: return 0
        }
    }

    private static func unreadable(_ path: String, _ code: Int32) -> MigrationError {
        MigrationError(.unreadableFile, "cannot read the file: \(reason(code))", at: SourceLocation(file: path))
    }

    private static func reason(_ code: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
