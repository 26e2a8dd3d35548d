import Glibc
import Testing

@testable import Postgres

/// The one thread that waits for all sockets, with sockets of its own.
struct PollerTests {
    private actor Waiter {
        func wait(_ watch: SocketWatch, until deadline: MonotonicTime?) async -> SocketWatch.Wake {
            await watch.wait(for: .read, until: deadline, isolation: self)
        }
    }

    private func withSockets<R>(_ count: Int, _ body: ([(watch: SocketWatch, peer: Int32)]) async throws -> R)
        async throws -> R
    {
        let poller = try Poller.shared.get()
        var sockets: [(watch: SocketWatch, peer: Int32)] = []
        for _ in 0..<count {
            var pair: [Int32] = [0, 0]
            try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0)
            sockets.append((try poller.watch(pair[0]), pair[1]))
        }
        let value = try await body(sockets)
        for (watch, peer) in sockets {
            watch.stop()
            close(watch.descriptor)
            close(peer)
        }
        return value
    }

    @Test func `many deadlines at once all fire, whatever their order`() async throws {
        try await withSockets(200) { sockets in
            var generator = SeededGenerator(seed: 9)
            let delays = sockets.map { _ in Int.random(in: 0...100, using: &generator) }
            await withTaskGroup(of: SocketWatch.Wake.self) { group in
                for (socket, delay) in zip(sockets, delays) {
                    group.addTask {
                        await Waiter().wait(socket.watch, until: MonotonicTime.after(.milliseconds(delay)))
                    }
                }
                for await wake in group { #expect(wake == .deadline) }
            }
        }
    }

    @Test func `an earlier deadline wakes a thread that sleeps for a later one`() async throws {
        try await withSockets(2) { sockets in
            let late = Task { await Waiter().wait(sockets[0].watch, until: MonotonicTime.after(.seconds(3600))) }
            try await Task.sleep(for: .milliseconds(20))
            let early = await Waiter().wait(sockets[1].watch, until: MonotonicTime.after(.milliseconds(20)))
            #expect(early == .deadline)
            sockets[0].watch.interrupt()
            #expect(await late.value == .interrupted)
        }
    }

    @Test func `a wait ends by what comes first, once`() async throws {
        try await withSockets(1) { sockets in
            let (watch, peer) = sockets[0]
            watch.interrupt()
            #expect(await Waiter().wait(watch, until: nil) == .interrupted)
            watch.clearInterruption()
            write(peer, "x", 1)
            #expect(await Waiter().wait(watch, until: MonotonicTime.after(.seconds(3600))) == .ready)
            #expect(await Waiter().wait(watch, until: nil) == .ready)
            watch.stop()
            #expect(await Waiter().wait(watch, until: nil) == .failed)
        }
    }

    /// libpq closes the socket of a broken connection itself, and another thread may open one under the same number.
    @Test func `ending the watch of a closed socket leaves the next one under its number watched`() async throws {
        let poller = try Poller.shared.get()
        var (old, new): ([Int32], [Int32]) = ([0, 0], [0, 0])
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &old) == 0)
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &new) == 0)
        let first = try poller.watch(old[0])
        try #require(dup2(new[0], old[0]) == old[0])
        let second = try poller.watch(old[0])
        first.stop()
        write(new[1], "x", 1)
        #expect(await Waiter().wait(second, until: MonotonicTime.after(.seconds(5))) == .ready)
        second.stop()
        for descriptor in old + new { close(descriptor) }
    }

    @Test func `moments beyond the clock are never, those before now are now`() {
        #expect(MonotonicTime.after(.seconds(Int64.max)) == nil)
        let past = MonotonicTime.after(.seconds(-5))
        #expect(past?.remaining() == .zero)
        let moment = MonotonicTime(nanoseconds: 5_000_000_000)
        #expect(moment.remaining(from: MonotonicTime(nanoseconds: 3_000_000_000)) == .seconds(2))
        #expect(moment.remaining(from: MonotonicTime(nanoseconds: 6_000_000_000)) == .zero)
    }
}
