import Glibc

/// A point on the system's monotonic clock, in nanoseconds.
///
/// `ContinuousClock` counts in 128-bit attoseconds; every wait compares deadlines, so one machine word is kept instead.
struct MonotonicTime: Comparable, Sendable {
    var nanoseconds: UInt64

    static func now() -> MonotonicTime { read(CLOCK_MONOTONIC) }

    /// Now, as of the kernel's last tick: up to 10 ms ago, for a fifth of the cost.
    ///
    /// Never after ``now()``, so what is asked of it later is not negative.
    static func lastTick() -> MonotonicTime { read(CLOCK_MONOTONIC_COARSE) }

    private static func read(_ clock: clockid_t) -> MonotonicTime {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return MonotonicTime(nanoseconds: UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec))
    }

    /// The moment that lies `duration` after now; a duration beyond the clock's range is "never", one below zero is now.
    static func after(_ duration: Duration) -> MonotonicTime? {
        let (seconds, attoseconds) = duration.components
        guard seconds >= 0, attoseconds >= 0 else { return now() }
        let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return nil }
        let (sum, late) = now().nanoseconds.addingReportingOverflow(whole)
        guard !late else { return nil }
        let (end, tooLate) = sum.addingReportingOverflow(UInt64(attoseconds / 1_000_000_000))
        return tooLate ? nil : MonotonicTime(nanoseconds: end)
    }

    /// What is left until this moment; zero once it has passed.
    func remaining(from now: MonotonicTime = .now()) -> Duration {
        nanoseconds > now.nanoseconds ? .nanoseconds(Int64(clamping: nanoseconds - now.nanoseconds)) : .zero
    }

    static func < (left: MonotonicTime, right: MonotonicTime) -> Bool {
        left.nanoseconds < right.nanoseconds
    }
}
