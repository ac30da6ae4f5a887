/// One of the checks that a token goes through, as somebody who observes them sees it.
public struct TokenCheck: Sendable {
  public let name: String
  /// What the check found: a value where it passes, the reason where it doesn't.
  public let finding: String
  public let passes: Bool

  public init(name: String, finding: String, passes: Bool) {
    self.name = name
    self.finding = finding
    self.passes = passes
  }
}

/// Sees the checks of one token, in the order in which they are made.
public final class CheckObserver {
  public private(set) var checks: [TokenCheck] = []
  fileprivate var firstFailure: (any Error)?

  public init() {}

  fileprivate func note(_ name: String, _ finding: String, passes: Bool) {
    checks.append(TokenCheck(name: name, finding: finding, passes: passes))
  }
}

/// Runs the checks of one token.
///
/// The first failure ends the run: `step` and `part` throw what their body throws. An observer changes one thing: the
/// run keeps the failure of a `part` for `conclude()`, so that the checks that don't need that part are made as well.
/// Whoever runs checks ends with `conclude()`.
public struct CheckRun {
  private let observer: CheckObserver?

  /// A run that nobody observes.
  public static var enforcing: CheckRun { CheckRun(observer: nil) }

  public init(observer: CheckObserver?) {
    self.observer = observer
  }

  public var isObserved: Bool { observer != nil }

  /// Makes one check.
  /// - Parameters:
  ///   - check: gives what the checks after it need.
  ///   - found: what the observer is told of a value that passes.
  ///   - given: what the observer is told of a refused token, before the reason.
  /// - Returns: what the check gives.
  /// - Throws: what the check throws.
  public func step<Value, Failure: Error>(
    _ name: String, _ check: () throws(Failure) -> Value, given: @autoclosure () -> String? = nil,
    found: (Value) -> String
  ) throws(Failure) -> Value {
    guard let observer else { return try check() }
    do throws(Failure) {
      let value = try check()
      observer.note(name, found(value), passes: true)
      return value
    } catch {
      observer.note(name, given().map { "\($0): \(error)" } ?? "\(error)", passes: false)
      throw error
    }
  }

  /// Runs checks that the ones after them don't need.
  /// - Throws: what the body throws, where nobody observes.
  public func part<Failure: Error>(_ body: () throws(Failure) -> Void) throws(Failure) {
    guard let observer else { return try body() }
    do throws(Failure) {
      try body()
    } catch {
      if observer.firstFailure == nil { observer.firstFailure = error }
    }
  }

  /// Makes one check that the ones after it don't need.
  /// - Throws: what the check throws, where nobody observes.
  public func check<Failure: Error>(
    _ name: String, found: @autoclosure () -> String, given: @autoclosure () -> String? = nil,
    _ check: () throws(Failure) -> Void
  ) throws(Failure) {
    try part { () throws(Failure) in try step(name, check, given: given(), found: { _ in found() }) }
  }

  /// Ends the run.
  /// - Throws: the first failure that was kept for the observer.
  public func conclude() throws {
    if let failure = observer?.firstFailure { throw failure }
  }
}
