import SchemaMigrations

/// The one line of a terminal that tells what the step at work does, drawn anew in its place.
///
/// Without a terminal nothing is ever drawn.
struct LiveDisplay {
    private struct Work {
        let label: String
        let began: ContinuousClock.Instant
        var progress: BackfillProgress?
        /// What the first report of this run said, to reckon from.
        var first: (clock: ContinuousClock.Instant, pages: Int64)?
        /// Why the step waits; nil while it does not.
        var reason: String?
    }

    private let isLive: Bool
    private let stream: StandardStream
    private var work: Work?
    private var drawn: String?

    init(isLive: Bool, stream: StandardStream = .error) {
        self.isLive = isLive
        self.stream = stream
    }

    /// A step begins.
    mutating func begin(_ label: String, at now: ContinuousClock.Instant = .now) {
        work = Work(label: label, began: now)
        draw(at: now)
    }

    /// A backfill has come further, so it does not wait any more.
    mutating func show(_ progress: BackfillProgress, at now: ContinuousClock.Instant = .now) {
        guard var work else { return }
        work.progress = progress
        work.first = work.first ?? (now, progress.pagesDone)
        work.reason = nil
        self.work = work
        draw(at: now)
    }

    /// The step waits.
    mutating func hold(_ reason: String, at now: ContinuousClock.Instant = .now) {
        work?.reason = reason
        draw(at: now)
    }

    /// The step is over, whatever came of it.
    mutating func end() {
        work = nil
        erase()
    }

    /// Makes room for lines that stay; the line comes back below them with the next ``draw(at:)``.
    mutating func erase() {
        if drawn != nil { stream.write("\r\u{1B}[K") }
        drawn = nil
    }

    /// Draws what is true now, in the width that the terminal has now; writes nothing where nothing has changed.
    mutating func draw(at now: ContinuousClock.Instant = .now) {
        guard isLive, let work else { return }
        let line = Self.line(work, at: now, columns: stream.columns)
        guard line != drawn else { return }
        stream.write("\r\(line)\u{1B}[K")
        drawn = line
    }

    private static func line(_ work: Work, at now: ContinuousClock.Instant, columns: Int) -> String {
        guard let progress = work.progress else {
            return LiveLine.render(work.label, elapsed: now - work.began, reason: work.reason, columns: columns)
        }
        if let reason = work.reason {
            return LiveLine.render(work.label, progress, reason: reason, columns: columns)
        }
        let left = timeLeft(progress, since: work.first, now: now)
        return LiveLine.render(work.label, progress, timeLeft: left, columns: columns)
    }

    /// By the pages of this run; nil as long as there is nothing to go by.
    private static func timeLeft(
        _ progress: BackfillProgress,
        since first: (clock: ContinuousClock.Instant, pages: Int64)?,
        now: ContinuousClock.Instant
    ) -> Duration? {
        guard let first else { return nil }
        let done = progress.pagesDone - first.pages
        guard done > 0, progress.pagesTotal > progress.pagesDone else { return nil }
        return (now - first.clock) * (Double(progress.pagesTotal - progress.pagesDone) / Double(done))
    }
}
