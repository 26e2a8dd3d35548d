import Glibc

/// A value that one thread at a time uses, guarded by a `pthread_mutex_t`.
///
/// Also what `SchemaMigrations` and `MigrateCommand` use. In place of `Synchronization.Mutex`, whose futex the Thread
/// Sanitizer does not know on Linux (Swift 6.3): it reports a race wherever one is used. Uncontended, locking and
/// unlocking is two atomic instructions, with either.
///
/// `@unchecked Sendable`: the value is reached through the lock only.
/// `@safe`: the storage lives as long as the lock does, and is used with the mutex held.
@safe
package struct Lock<Value: Sendable>: ~Copyable, @unchecked Sendable {
    @safe
    private struct Storage {
        /// First, so that the storage's address is the mutex's; it must not move.
        var mutex = unsafe pthread_mutex_t()
        var value: Value
    }

    private let storage: UnsafeMutablePointer<Storage>

    package init(_ value: Value) {
        unsafe storage = .allocate(capacity: 1)
        unsafe storage.initialize(to: Storage(value: value))
        unsafe pthread_mutex_init(mutex, nil)
    }

    deinit {
        unsafe pthread_mutex_destroy(mutex)
        unsafe storage.deinitialize(count: 1)
        unsafe storage.deallocate()
    }

    private var mutex: UnsafeMutablePointer<pthread_mutex_t> {
        unsafe UnsafeMutableRawPointer(storage).assumingMemoryBound(to: pthread_mutex_t.self)
    }

    /// Runs `body` while no other thread uses the value; it must not come back to the same lock.
    @inline(__always)
    package borrowing func withLock<R, Failure: Error>(_ body: (inout Value) throws(Failure) -> R) throws(Failure) -> R
    {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return unsafe try body(&storage.pointee.value)
    }
}
