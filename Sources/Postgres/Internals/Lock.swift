import Glibc

/// A value that one thread at a time uses, guarded by a `pthread_mutex_t`.
///
/// In place of `Synchronization.Mutex`, whose futex the Thread Sanitizer does not know on Linux (Swift 6.3): it reports
/// a race wherever one is used. Uncontended, locking and unlocking is two atomic instructions, with either.
///
/// `@unchecked Sendable`: the value is reached through the lock only.
struct Lock<Value: Sendable>: ~Copyable, @unchecked Sendable {
    private struct Storage {
        /// First, so that the storage's address is the mutex's; it must not move.
        var mutex = pthread_mutex_t()
        var value: Value
    }

    private let storage: UnsafeMutablePointer<Storage>

    init(_ value: Value) {
        storage = .allocate(capacity: 1)
        storage.initialize(to: Storage(value: value))
        pthread_mutex_init(mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        storage.deinitialize(count: 1)
        storage.deallocate()
    }

    private var mutex: UnsafeMutablePointer<pthread_mutex_t> {
        UnsafeMutableRawPointer(storage).assumingMemoryBound(to: pthread_mutex_t.self)
    }

    /// Runs `body` while no other thread uses the value; it must not come back to the same lock.
    @inline(__always)
    borrowing func withLock<R, Failure: Error>(_ body: (inout Value) throws(Failure) -> R) throws(Failure) -> R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&storage.pointee.value)
    }
}
