import SchemaMigrations
import Synchronization

/// Tells a person or a program what a run does.
protocol RunReporter: Sendable {
    /// Something happened.
    func report(_ event: MigrationEvent)
    /// The run is at its end.
    func finish(_ summary: RunSummary)
}

/// Writes JSON lines to stdout.
struct JSONRunReporter: RunReporter {
    let console: Console

    func report(_ event: MigrationEvent) {
        write(EventLine(event, at: .now))
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
    private let state = Mutex(State())

    private struct State {
        var isLineDrawn = false
        var lastLine: ContinuousClock.Instant?
        var start: (clock: ContinuousClock.Instant, pages: Int64)?
    }

    init(console: Console) {
        self.console = console
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
            case .stepThrottled(let identity, let reason):
                say("\(RunText.label(identity))  holds back: \(reason)", &state)
            case .stepRetried(let identity, let attempt, let pause, let reason):
                say(RunText.retried(identity, attempt, pause, reason), &state)
            case .stepFinished(let identity, let duration, let rows, let lockHeld, let blocked):
                let style = console.messageStyle
                let facts = RunText.facts(duration, rows: rows, lockHeld: lockHeld, othersBlocked: blocked)
                say(RunText.finished(identity, facts, style), &state)
            case .stepFailed: erase(&state)
            }
        }
    }

    func finish(_ summary: RunSummary) {
        state.withLock { erase(&$0) }
        guard let error = summary.error else {
            console.result(RunText.summary(summary, console.resultStyle))
            return
        }
        console.error(error)
        if summary.tally.steps > 0 { console.message(RunText.summary(summary, console.messageStyle)) }
    }

    private func begin(_ identity: StepIdentity, _ state: inout State) {
        state.start = nil
        state.lastLine = .now
        if console.isVerbose { say("begins \(RunText.label(identity)) (\(identity.kind.rawValue))", &state) }
        draw(LiveLine.render(RunText.label(identity), columns: StandardStream.error.columns), &state)
    }

    private func show(_ identity: StepIdentity, _ progress: BackfillProgress, _ state: inout State) {
        let now = ContinuousClock.now
        let start = state.start ?? (now, progress.pagesDone)
        state.start = start
        if console.isLive {
            let line = LiveLine.render(
                RunText.label(identity),
                progress,
                timeLeft: Self.timeLeft(progress, since: start.clock, from: start.pages, now: now),
                columns: StandardStream.error.columns
            )
            draw(line, &state)
        } else if let last = state.lastLine, now - last >= .seconds(5) {
            state.lastLine = now
            say(RunText.progress(identity, progress), &state)
        }
    }

    /// By the pages of this run; nil as long as there is nothing to go by.
    private static func timeLeft(
        _ progress: BackfillProgress,
        since start: ContinuousClock.Instant,
        from pages: Int64,
        now: ContinuousClock.Instant
    ) -> Duration? {
        let done = progress.pagesDone - pages
        guard done > 0, progress.pagesTotal > progress.pagesDone else { return nil }
        return (now - start) * (Double(progress.pagesTotal - progress.pagesDone) / Double(done))
    }

    private func say(_ line: String, _ state: inout State) {
        erase(&state)
        console.message(line)
    }

    private func draw(_ line: String, _ state: inout State) {
        guard console.isLive, !console.isQuiet else { return }
        StandardStream.error.write("\r\(line)\u{1B}[K")
        state.isLineDrawn = true
    }

    private func erase(_ state: inout State) {
        if state.isLineDrawn { StandardStream.error.write("\r\u{1B}[K") }
        state.isLineDrawn = false
    }
}
