import Glibc

/// The time and the processor time of this process since a moment.
struct Meter {
    private let start = Meter.time()
    private let cpuStart = Meter.cpu()

    /// In nanoseconds.
    var elapsed: Double { Double(Self.time() - start) }
    /// In nanoseconds, of all threads.
    var cpu: Double { Self.cpu() - cpuStart }

    /// The monotonic clock, in nanoseconds.
    static func time() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    private static func cpu() -> Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let seconds = Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
        return seconds * 1e9 + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000
    }
}
