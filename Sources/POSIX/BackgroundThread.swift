import Glibc

/// Work that nobody waits for.
public enum BackgroundThread {
  /// How much less of the processor it gets than those who answer. `nice(2)`.
  private static let niceness: Int32 = 10

  private final class Work: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// Runs a body on a thread of its own, which ends with it, or with the process.
  /// - Throws: ``SystemError`` (`pthread_create`).
  public static func run(_ body: @escaping @Sendable () -> Void) throws(SystemError) {
    let result = start(
      Work {
        // Of the thread alone, on Linux.
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, niceness)
        body()
      })
    guard result == 0 else { throw SystemError(call: "pthread_create", code: result) }
  }

  private static func start(_ work: Work) -> Int32 {
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(work)
    let result = pthread_create(
      &thread, nil,
      { argument in
        Unmanaged<Work>.fromOpaque(argument!).takeRetainedValue().run()
        return nil
      }, argument.toOpaque())
    if result == 0 { pthread_detach(thread) } else { argument.release() }
    return result
  }
}
