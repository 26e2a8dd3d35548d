import Glibc

/// A lock between processes, held on a file for as long as a body runs; the system frees it when its holder dies.
enum FileLock {
    /// Runs `body` while holding the lock, waiting for it without blocking the thread.
    ///
    /// - Throws: ``PostgresServerError`` when the file cannot be opened, `CancellationError` when the task is
    ///   cancelled while waiting, and what `body` throws.
    static func withLock<Result>(on path: String, _ body: () async throws -> Result) async throws -> Result {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw Files.failure("open", path) }
        defer { close(descriptor) }
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let code = errno
            guard code == EWOULDBLOCK || code == EINTR else { throw Files.failure("lock", path, code) }
            try await Task.sleep(for: .milliseconds(20))
        }
        return try await body()
    }
}
