import Postgres
import SchemaMigrations

/// Tells a person or a program what a run does.
protocol RunReporter: Sendable {
    /// Something happened.
    func report(_ event: MigrationEvent)
    /// Something worth saying that is no event.
    func say(_ line: String)
    /// The run is at its end.
    func finish(_ summary: RunSummary)
}

/// Writes JSON lines to stdout.
struct JSONRunReporter: RunReporter {
    let console: Console

    func report(_ event: MigrationEvent) {
        write(EventLine(event, at: .now))
    }

    func say(_ line: String) {
        console.message(line)
    }

    func finish(_ summary: RunSummary) {
        write(FinishedLine(summary, at: .now))
        if let error = summary.error { console.error(error) }
    }

    private func write(_ line: some Encodable) {
        do {
            console.result(try JSONOutput.line(line))
        } catch {
            console.error(error)
        }
    }
}

/// Writes for people: the summary to stdout, everything else to stderr.
final class TextRunReporter: RunReporter {
    private let console: Console
    private let state: Lock<State>
    private let clock = Lock<Task<Void, Never>?>(nil)

    private struct State {
        var display: LiveDisplay
        var lastLine: ContinuousClock.Instant?
    }

    init(console: Console) {
        self.console = console
        let isLive = console.isLive && !console.isQuiet
        state = Lock(State(display: LiveDisplay(isLive: isLive)))
        guard isLive else { return }
        // Times go on, and terminals change their size, while a step says nothing. Until `finish`.
        let task = Task {
            while (try? await Task.sleep(for: .milliseconds(200))) != nil {
                self.state.withLock { $0.display.draw() }
            }
        }
        clock.withLock { $0 = task }
    }

    func report(_ event: MigrationEvent) {
        // One at a time: events come from several threads.
        state.withLock { state in
            switch event {
            case .lockWaiting(let holder, let waited): say(RunText.waiting(holder, waited), &state)
            case .lockAcquired(let waited):
                if waited > .seconds(1) { say("got the lock after \(Quantity.duration(waited))", &state) }
            case .stepStarted(let identity): begin(identity, &state)
            case .stepProgress(let identity, let progress): show(identity, progress, &state)
            case .stepServerProgress(let identity, let progress):
                guard let last = state.lastLine, ContinuousClock.now - last >= .seconds(5) else { return }
                state.lastLine = .now
                say(RunText.progress(identity, progress), &state)
            case .stepLeftSettings(let identity, let names):
                let settings = names.joined(separator: ", ")
                say("note: \(RunText.label(identity)) left settings behind, which were reset: \(settings)", &state)
            case .stepThrottled(let identity, let reason):
                state.display.hold(reason)
                if !console.isLive { say("\(RunText.label(identity))  holds back: \(reason)", &state) }
            case .stepRetried(let identity, let attempt, let pause, let reason):
                say(RunText.retried(identity, attempt, pause, reason), &state)
                state.display.hold("gave way, try \(attempt)")
            case .stepFinished(let identity, let duration, let rows, let lockHeld, let blocked):
                let style = console.messageStyle
                let facts = RunText.facts(duration, rows: rows, lockHeld: lockHeld, othersBlocked: blocked)
                state.display.end()
                say(RunText.finished(identity, facts, style), &state)
            case .stepFailed: state.display.end()
            }
        }
    }

    func finish(_ summary: RunSummary) {
        clock.withLock { $0?.cancel() }
        state.withLock { $0.display.end() }
        guard let error = summary.error else {
            console.result(RunText.summary(summary, console.resultStyle))
            return
        }
        console.error(error)
        if summary.tally.steps > 0 { console.message(RunText.summary(summary, console.messageStyle)) }
    }

    /// Says something that stays, above the line that is drawn anew.
    func say(_ line: String) {
        state.withLock { say(line, &$0) }
    }

    private func begin(_ identity: StepIdentity, _ state: inout State) {
        state.lastLine = .now
        if console.isVerbose { say("begins \(RunText.label(identity)) (\(identity.kind.rawValue))", &state) }
        state.display.begin(RunText.label(identity))
    }

    private func show(_ identity: StepIdentity, _ progress: BackfillProgress, _ state: inout State) {
        state.display.show(progress)
        guard !console.isLive, let last = state.lastLine, ContinuousClock.now - last >= .seconds(5) else { return }
        state.lastLine = .now
        say(RunText.progress(identity, progress), &state)
    }

    private func say(_ line: String, _ state: inout State) {
        state.display.erase()
        console.message(line)
        state.display.draw()
    }
}
