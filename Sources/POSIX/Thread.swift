import CLinux
import Glibc

/// Threads of the system. `pthreads(7)`.
public enum Thread {
  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// Starts a thread that is to be joined. `pthread_create(3)`.
  /// - Throws: ``SystemError``, EAGAIN where there may be no more.
  public static func start(_ body: @escaping @Sendable () -> Void) throws(SystemError) -> pthread_t {
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(Body(body))
    let result = pthread_create(
      &thread, nil,
      { argument in
        Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
        return nil
      }, argument.toOpaque())
    guard result == 0 else {
      argument.release()
      throw SystemError(call: "pthread_create", code: result)
    }
    return thread
  }

  /// Starts a thread that nobody waits for.
  /// - Throws: as ``start(_:)``.
  public static func detach(_ body: @escaping @Sendable () -> Void) throws(SystemError) {
    pthread_detach(try start(body))
  }

  /// The same for long work that nobody waits for.
  /// - Throws: as ``start(_:)``.
  public static func detachInBackground(_ body: @escaping @Sendable () -> Void) throws(SystemError) {
    try detach {
      giveWay()
      body()
    }
  }

  /// Leaves the processor to others from now on: for the calling thread alone, as Linux has it. `setpriority(2)`.
  /// - Parameter niceness: 19 takes what nobody else wants.
  public static func giveWay(by niceness: Int32 = 19) {
    _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, niceness)
  }

  /// Leaves the processor to whoever wants it, at once and for as long as anybody does; there is no way back. For the calling
  /// thread alone. `sched_setscheduler(2)`, SCHED_IDLE.
  public static func giveWayAltogether() {
    var parameters = sched_param()
    _ = sched_setscheduler(0, SCHED_IDLE, &parameters)
  }

  /// Waits for a thread to end. `pthread_clockjoin_np(3)`.
  /// - Parameter deadline: as ``Clock/monotonicNanoseconds`` tells time.
  /// - Returns: whether it has.
  public static func join(_ thread: pthread_t, until deadline: UInt64) -> Bool {
    var limit = timespec(nanoseconds: deadline)
    return pthread_clockjoin_np(thread, nil, CLOCK_MONOTONIC, &limit) == 0
  }
}

extension timespec {
  init(nanoseconds: UInt64) {
    self.init(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
  }
}
