import CLinux
import Glibc

/// POSIX threads. `pthreads(7)`.
public enum Thread {
  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// Starts a thread, which the caller must ``join(_:until:)``. `pthread_create(3)`.
  /// - Throws: ``SystemError`` (`pthread_create`), with EAGAIN if the limit of threads is reached.
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

  /// Starts a thread that nobody joins. `pthread_detach(3)`.
  /// - Throws: as ``start(_:)``.
  public static func detach(_ body: @escaping @Sendable () -> Void) throws(SystemError) {
    pthread_detach(try start(body))
  }

  /// Starts a thread of the lowest priority that nobody joins: for long work such as cleaning up.
  /// - Throws: as ``start(_:)``.
  public static func detachInBackground(_ body: @escaping @Sendable () -> Void) throws(SystemError) {
    try detach {
      giveWay()
      body()
    }
  }

  /// Lowers the priority of the calling thread. On Linux, the nice value belongs to a thread and not to the process.
  /// `setpriority(2)`.
  /// - Parameter niceness: the nice value, 0 to 19; 19 is the lowest priority.
  public static func giveWay(by niceness: Int32 = 19) {
    _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, niceness)
  }

  /// Lets the calling thread run only while the processor is otherwise idle. A process without privileges may be
  /// unable to undo this. `sched_setscheduler(2)`, SCHED_IDLE.
  public static func giveWayAltogether() {
    var parameters = sched_param()
    _ = sched_setscheduler(0, SCHED_IDLE, &parameters)
  }

  /// Waits until a thread has ended or a deadline has passed. `pthread_clockjoin_np(3)`.
  /// - Parameter deadline: in ``Clock/monotonicNanoseconds``.
  /// - Returns: whether the thread has ended.
  public static func join(_ thread: pthread_t, until deadline: UInt64) -> Bool {
    var limit = timespec(nanoseconds: deadline)
    return pthread_clockjoin_np(thread, nil, CLOCK_MONOTONIC, &limit) == 0
  }
}

extension timespec {
  /// - Parameter nanoseconds: in ``Clock/monotonicNanoseconds``.
  init(nanoseconds: UInt64) {
    self.init(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
  }
}
