import Foundation
import Synchronization

/// Runs a body on so many threads at once, and waits for all.
/// - Returns: what each returned, in the order of their numbers.
public func concurrently<Value: Sendable>(
  _ count: Int, _ body: @escaping @Sendable (Int) throws -> Value
) throws -> [Value] {
  let results = Mutex<[Int: Result<Value, any Error>]>([:])
  let group = DispatchGroup()
  for number in 0..<count {
    group.enter()
    // Threads of their own, as a pool would run only a few at a time.
    Thread.detachNewThread {
      let result = Result { try body(number) }
      results.withLock { $0[number] = result }
      group.leave()
    }
  }
  group.wait()
  // Each number has its result now.
  return try results.withLock { results in try (0..<count).compactMap { try results[$0]?.get() } }
}

/// Waits until a condition holds.
/// - Returns: whether it came to hold in time.
public func eventually(within seconds: Double = 10, _ condition: () throws -> Bool) rethrows -> Bool {
  let deadline = Date().addingTimeInterval(seconds)
  while true {
    if try condition() { return true }
    if Date() > deadline { return false }
    poll(nil, 0, 10)
  }
}
