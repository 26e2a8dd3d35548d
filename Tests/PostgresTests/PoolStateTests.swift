import Testing

@testable import Postgres

/// The pool's bookkeeping alone, without a server, against a small model.
struct PoolStateTests {
    private typealias State = PoolState<Int>

    @Test(arguments: 0..<20, [0, 2])
    func `random schedules never pass the maximum, serve in order and answer each waiter once`(
        seed: UInt64,
        minimumIdle: Int
    ) {
        var run = Run(seed: seed, minimumIdle: minimumIdle)
        for _ in 0..<2000 { run.step() }
        run.close()
        #expect(run.granted > 100)
        #expect(run.refused > 20)
    }

    @Test func `sessions are lent last in, first out`() {
        var state = State(.init(maximum: 2))
        let members = [1, 2].map { lend($0, &state) }
        for member in members { _ = state.giveBack(member, isUsable: true, now: .init(nanoseconds: 0)) }
        guard case .member(let member)? = state.take(now: .init(nanoseconds: 0)).grant else {
            Issue.record("two are idle")
            return
        }
        #expect(member.session == 2)
    }

    @Test func `pain 17: while the server is away one connect is made at a time, and a permanent refusal reaches all`()
    {
        var state = State(.init(maximum: 8, parallelConnects: 4))
        let now = MonotonicTime(nanoseconds: 0)
        let first = lend(1, &state)
        let answers = Answers()
        var connects = 0
        for id in 0..<6 { connects += state.enqueue(answers.waiter(UInt64(id)), now: now).0.connects }
        #expect(connects == 4)
        let away = PostgresError(.connectionFailed, "away")
        var effects: [State.Effects] = []
        for _ in 0..<4 { effects.append(state.connectFailed(away, isPermanent: false, jitter: 1, now: now)) }
        #expect(effects.allSatisfy { $0.grants.isEmpty })
        #expect(effects.map(\.connects) == [0, 0, 0, 1])
        // Full jitter below a bound that doubles.
        #expect(state.retryTime == MonotonicTime(nanoseconds: 800_000_000))
        let refused = state.connectFailed(away, isPermanent: true, jitter: 0, now: now)
        #expect(refused.grants.count == 6)
        #expect(refused.connects == 0)
        #expect(state.opening == 0)
        _ = state.giveBack(first, isUsable: true, now: now)
        #expect(state.total == 1)
    }

    @Test func `a minimum of idle sessions is opened beside those that are lent, up to the maximum`() {
        var state = State(.init(minimumIdle: 2, maximum: 4, idleTimeout: 10))
        let now = MonotonicTime(nanoseconds: 0)
        #expect(state.upkeep(now: now).connects == 2)
        for session in [1, 2] {
            _ = state.connected(session, generation: state.generation, expiry: nil, now: now)
        }
        #expect(state.isConnectWanted == false)
        let (_, first) = state.take(now: now)
        #expect(first.connects == 1 && state.isConnectWanted)
        _ = state.connected(3, generation: state.generation, expiry: nil, now: now)
        let (_, second) = state.take(now: now)
        #expect(second.connects == 1)
        _ = state.connected(4, generation: state.generation, expiry: nil, now: now)
        let (_, third) = state.take(now: now)
        #expect(third.connects == 0 && state.total == 4)
        // However long they lie there, the minimum is neither closed nor refused.
        let later = MonotonicTime(nanoseconds: 100)
        #expect(state.upkeep(now: later).closing.isEmpty)
        let (grant, last) = state.take(now: later)
        guard case .member? = grant else {
            Issue.record("one is idle")
            return
        }
        #expect(last.closing.isEmpty)
    }

    @Test func `one more waiter than allowed is refused at once`() {
        var state = State(.init(maximum: 1, waiters: 1))
        let answers = Answers()
        _ = state.enqueue(answers.waiter(1), now: .init(nanoseconds: 0))
        let (effects, _) = state.enqueue(answers.waiter(2), now: .init(nanoseconds: 0))
        guard case .refused(let error)? = effects.grants.first?.grant else {
            Issue.record("the queue is full")
            return
        }
        #expect(error.code == .poolQueueFull)
        #expect(state.waiters.map(\.id) == [1])
    }

    @Test func `a member too old is not given back to the idle ones, nor one of an earlier generation`() {
        var state = State(.init(maximum: 2))
        let old = lend(1, &state, expiry: .init(nanoseconds: 10))
        #expect(state.giveBack(old, isUsable: true, now: .init(nanoseconds: 10)).closing == [1])
        let earlier = lend(2, &state)
        _ = state.expireGeneration()
        #expect(state.giveBack(earlier, isUsable: true, now: .init(nanoseconds: 10)).closing == [2])
        #expect(state.total == 0)
    }

    private func lend(_ session: Int, _ state: inout PoolState<Int>, expiry: MonotonicTime? = nil)
        -> PoolState<Int>.Member
    {
        let now = MonotonicTime(nanoseconds: 0)
        _ = state.enqueue(Answers().waiter(1000 + UInt64(session)), now: now)
        let effects = state.connected(session, generation: state.generation, expiry: expiry, now: now)
        guard case .member(let member)? = effects.grants.first?.grant else {
            Issue.record("the new session goes to who waits")
            preconditionFailure()
        }
        return member
    }
}

/// Makes waiters that nobody resumes: the tests read the effects.
private struct Answers {
    func waiter(_ id: UInt64, deadline: MonotonicTime? = nil) -> PoolState<Int>.Waiter {
        PoolState<Int>.Waiter(id: id, deadline: deadline) { _ in }
    }
}

/// A random schedule, and the model: who waits in which order, who holds what, and what was closed.
private struct Run {
    typealias State = PoolState<Int>

    var generator: SeededGenerator
    var state: State
    var now = MonotonicTime(nanoseconds: 1_000_000)
    var queue: [UInt64] = []
    var held: [State.Member] = []
    var closed: Set<Int> = []
    var expired: Set<Int> = []
    var connecting: [UInt64] = []
    var lastSession = 0
    var granted = 0
    var refused = 0

    init(seed: UInt64, minimumIdle: Int) {
        generator = SeededGenerator(seed: seed)
        let limits = State.Limits(
            minimum: 1,
            minimumIdle: minimumIdle,
            maximum: 4,
            waiters: 12,
            parallelConnects: 2,
            idleTimeout: 5_000_000
        )
        state = State(limits)
    }

    mutating func step() {
        now.nanoseconds += UInt64.random(in: 0...500_000, using: &generator)
        switch Int.random(in: 0..<20, using: &generator) {
        case 0..<8: ask()
        case 8..<12: giveBack(isUsable: true)
        case 12: giveBack(isUsable: false)
        case 13..<16: finishConnect()
        case 16: cancel()
        case 17: timeOut()
        case 18: check(state.upkeep(now: now))
        default: if Bool.random(using: &generator) { expire() }
        }
        checkInvariants()
    }

    private mutating func ask() {
        let (grant, effects) = state.take(now: now)
        check(effects)
        switch grant {
        case .member(let member)?:
            #expect(queue.isEmpty)
            hold(member)
        case .refused?: Issue.record("the pool is open")
        case nil:
            let id = state.nextID()
            let deadline = MonotonicTime(nanoseconds: now.nanoseconds + 3_000_000)
            queue.append(id)
            check(state.enqueue(Answers().waiter(id, deadline: deadline), now: now).0)
        }
    }

    private mutating func giveBack(isUsable: Bool) {
        guard let index = held.indices.randomElement(using: &generator) else { return }
        check(state.giveBack(held.remove(at: index), isUsable: isUsable, now: now))
    }

    private mutating func finishConnect() {
        guard !connecting.isEmpty else { return }
        let generation = connecting.removeFirst()
        switch Int.random(in: 0..<8, using: &generator) {
        case 0:
            let isPermanent = Bool.random(using: &generator)
            let error = PostgresError(.connectionFailed, "away")
            check(state.connectFailed(error, isPermanent: isPermanent, jitter: 0.5, now: now))
        case 1 where !state.isConnectWanted:
            check(state.connectAbandoned())
        default:
            lastSession += 1
            let expiry = MonotonicTime(nanoseconds: now.nanoseconds + 20_000_000)
            if generation != state.generation { expired.insert(lastSession) }
            check(state.connected(lastSession, generation: generation, expiry: expiry, now: now))
        }
    }

    private mutating func cancel() {
        guard let id = queue.randomElement(using: &generator) else { return }
        #expect(state.removeWaiter(id)?.id == id)
        #expect(state.removeWaiter(id) == nil)
        queue.removeAll { $0 == id }
    }

    private mutating func timeOut() {
        for waiter in state.takeExpired(now: now) {
            #expect(queue.first == waiter.id)
            queue.removeFirst()
        }
    }

    private mutating func expire() {
        expired.formUnion(held.map(\.session))
        check(state.expireGeneration())
    }

    mutating func close() {
        check(state.close())
        #expect(queue.isEmpty)
        while !held.isEmpty { giveBack(isUsable: true) }
        while !connecting.isEmpty { finishConnect() }
        #expect(state.total == 0)
        #expect(closed.count == lastSession)
    }

    private mutating func check(_ effects: State.Effects) {
        for (waiter, grant) in effects.grants {
            // In order; and as each is taken out of the model's queue, none is answered twice.
            #expect(queue.first == waiter.id || grant.isQueueFull && queue.last == waiter.id)
            queue.removeAll { $0 == waiter.id }
            switch grant {
            case .member(let member): hold(member)
            case .refused: refused += 1
            }
        }
        for session in effects.closing { #expect(closed.insert(session).inserted) }
        connecting += Array(repeating: state.generation, count: effects.connects)
    }

    private mutating func hold(_ member: State.Member) {
        granted += 1
        #expect(!closed.contains(member.session) && !expired.contains(member.session))
        #expect(!held.contains { $0.session == member.session })
        held.append(member)
    }

    private func checkInvariants() {
        #expect(state.total <= 4 && state.total == state.idle.count + held.count + connecting.count)
        #expect(state.waiters.map(\.id) == queue && queue.count <= 12)
        // Nobody waits beside an idle session, nor without anything that will end the wait.
        #expect(queue.isEmpty || state.idle.isEmpty)
        #expect(queue.isEmpty || state.lent > 0 || state.opening > 0)
    }
}

extension PoolState.Grant {
    fileprivate var isQueueFull: Bool {
        guard case .refused(let error) = self else { return false }
        return error.code == .poolQueueFull
    }
}
