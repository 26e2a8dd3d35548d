import Glibc
import Subprocess
import Synchronization
import SystemPackage

/// A shell that runs one server as its child, and outlives this process just long enough to end it.
///
/// Its standard input is a socket whose other end only this process holds. Whatever ends this process, be it SIGKILL,
/// closes that end; the shell then stops the server and removes its folder. The shell has a session of its own, so that
/// a signal to this process's group does not take it away first.
struct Supervisor: Sendable {
    private struct Request: Sendable {
        let line: String
        let reply: CheckedContinuation<String, any Error>
    }

    private let requests: AsyncStream<Request>.Continuation
    private let run: Task<Void, Never>

    /// Starts the shell; it does nothing yet.
    ///
    /// - Parameters:
    ///   - arguments: those of ``script``.
    ///   - user: who runs it.
    ///   - folder: its working directory.
    /// - Throws: ``PostgresServerError/fileOperationFailed(operation:path:reason:)`` when the system has no socket left.
    init(arguments: [String], user: ServerUser, folder: String) throws {
        var ends: [CInt] = [-1, -1]
        guard socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw Files.failure("create a socket for", folder)
        }
        let (stream, continuation) = AsyncStream.makeStream(of: Request.self)
        let lifeline = Lifeline(descriptor: ends[0])
        let input = FileDescriptor(rawValue: ends[1])
        requests = continuation
        let command = user.command("/bin/sh", ["-c", Self.script, "sh"] + arguments)
        run = Task.detached {
            var reason = "it was told to end"
            do {
                let result = try await Subprocess.run(
                    .path(FilePath(command.path)),
                    arguments: Arguments(command.arguments),
                    environment: ProgramRunner.environment(),
                    workingDirectory: FilePath(folder),
                    platformOptions: ServerUser.platformOptions,
                    input: .fileDescriptor(input, closeAfterSpawningProcess: true),
                    output: .sequence,
                    error: .discarded
                ) { execution in
                    // Closing our end is what makes the shell clean up and exit.
                    defer { lifeline.close() }
                    var answers = execution.standardOutput.strings().makeAsyncIterator()
                    try await Self.serve(stream, through: lifeline) { try await answers.next() }
                }
                if !result.terminationStatus.isSuccess { reason = "\(result.terminationStatus)" }
            } catch {
                reason = "\(error)"
            }
            continuation.finish()
            for await request in stream {
                request.reply.resume(throwing: PostgresServerError.supervisorEnded(reason: reason))
            }
        }
    }

    /// Sends one command and waits for the line that answers it.
    func ask(_ line: String) async throws -> String {
        try await withCheckedThrowingContinuation { reply in
            let request = Request(line: line, reply: reply)
            if case .enqueued = requests.yield(request) { return }
            reply.resume(throwing: PostgresServerError.supervisorEnded(reason: "it was told to end"))
        }
    }

    /// Lets the shell end the server and remove its folder, without waiting.
    func end() {
        requests.finish()
    }

    /// Waits until the shell has ended.
    func waitUntilEnded() async {
        await run.value
    }

    private static func serve(
        _ requests: AsyncStream<Request>,
        through lifeline: Lifeline,
        nextAnswer: () async throws -> String?
    ) async throws {
        for await request in requests {
            let gone = PostgresServerError.supervisorEnded(reason: "it does not answer")
            do {
                guard lifeline.send("\(request.line)\n"), let answer = try await nextAnswer() else { throw gone }
                request.reply.resume(returning: answer)
            } catch {
                request.reply.resume(throwing: error)
                throw error
            }
        }
    }
}

/// Our end of the socket that the shell reads; closed at the latest when nobody refers to it any more.
private final class Lifeline: Sendable {
    private let descriptor: Mutex<CInt?>

    init(descriptor: CInt) {
        self.descriptor = Mutex(descriptor)
    }

    deinit { close() }

    /// Whether the shell got all of `text`.
    func send(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return descriptor.withLock { descriptor in
            guard let descriptor else { return false }
            // Not write(): to a shell that is gone it would raise SIGPIPE.
            return Glibc.send(descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL)) == bytes.count
        }
    }

    func close() {
        descriptor.withLock { descriptor in
            if let open = descriptor { Glibc.close(open) }
            descriptor = nil
        }
    }
}
