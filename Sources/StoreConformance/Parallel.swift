import Glibc
import POSIX

/// Runs a body on `count` threads at once and waits for all of them.
/// - Returns: what each call returned, in no particular order.
/// - Throws: the first error that a call threw.
func inParallel<Value: Sendable>(
  _ count: Int, _ body: @escaping @Sendable (Int) throws -> Value
) throws -> [Value] {
  let results = Monitor<[Result<Value, any Error>]>([])
  let threads = (0..<count).map { number in
    start {
      let result = Result { try body(number) }
      results.withLock { $0.append(result) }
    }
  }
  for thread in threads { pthread_join(thread, nil) }
  return try results.withLock { try $0.map { try $0.get() } }
}

private final class Job: Sendable {
  let run: @Sendable () -> Void
  init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

private func start(_ run: @escaping @Sendable () -> Void) -> pthread_t {
  var thread = pthread_t()
  let job = Unmanaged.passRetained(Job(run))
  let result = pthread_create(
    &thread, nil,
    { argument in
      Unmanaged<Job>.fromOpaque(argument!).takeRetainedValue().run()
      return nil
    }, job.toOpaque())
  precondition(result == 0, "pthread_create")
  return thread
}
