/// The result of one check of a token, for an observer.
public struct TokenCheck: Sendable {
  /// What the check looks at, such as `signature`.
  public let name: String
  /// A value if the token passes the check, the reason if it doesn't.
  public let finding: String
  /// Whether the token passes the check.
  public let passes: Bool

  public init(name: String, finding: String, passes: Bool) {
    self.name = name
    self.finding = finding
    self.passes = passes
  }
}

/// Records the checks of one token.
public final class CheckObserver {
  /// The checks, in the order in which they are made.
  public private(set) var checks: [TokenCheck] = []
  fileprivate var firstFailure: (any Error)?

  public init() {}

  fileprivate func note(_ name: String, _ finding: String, passes: Bool) {
    checks.append(TokenCheck(name: name, finding: finding, passes: passes))
  }
}

/// Runs the checks of one token.
///
/// The first failure ends the run: `step` and `part` throw what their body throws. With an observer, a run
/// keeps the failure of a `part` until `conclude()`, and goes on with the checks that don't need that part. A
/// caller that runs checks ends with `conclude()`.
public struct CheckRun {
  private let observer: CheckObserver?

  /// A run without an observer.
  public static var enforcing: CheckRun { CheckRun(observer: nil) }

  /// - Parameter observer: records the checks; nil for none.
  public init(observer: CheckObserver?) {
    self.observer = observer
  }

  /// Whether the run has an observer.
  public var isObserved: Bool { observer != nil }

  /// Makes one check.
  /// - Parameters:
  ///   - name: what the check looks at.
  ///   - check: returns what later checks need.
  ///   - given: what the observer records before the reason, if the token fails the check.
  ///   - found: what the observer records if the token passes the check.
  /// - Returns: what the check returns.
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

  /// Runs checks whose results later checks don't need.
  /// - Throws: what the body throws. With an observer, ``conclude()`` throws it instead.
  public func part<Failure: Error>(_ body: () throws(Failure) -> Void) throws(Failure) {
    guard let observer else { return try body() }
    do throws(Failure) {
      try body()
    } catch {
      if observer.firstFailure == nil { observer.firstFailure = error }
    }
  }

  /// Makes one check whose result later checks don't need.
  /// - Parameters:
  ///   - name: what the check looks at.
  ///   - found: what the observer records if the token passes the check.
  ///   - given: what the observer records before the reason, if the token fails the check.
  ///   - check: throws if the token fails the check.
  /// - Throws: what the check throws. With an observer, ``conclude()`` throws it instead.
  public func check<Failure: Error>(
    _ name: String, found: @autoclosure () -> String, given: @autoclosure () -> String? = nil,
    _ check: () throws(Failure) -> Void
  ) throws(Failure) {
    try part { () throws(Failure) in try step(name, check, given: given(), found: { _ in found() }) }
  }

  /// The first failure that the run kept for its observer.
  public var firstFailure: (any Error)? { observer?.firstFailure }

  /// Ends the run.
  /// - Throws: ``firstFailure``.
  public func conclude() throws {
    if let firstFailure { throw firstFailure }
  }
}
