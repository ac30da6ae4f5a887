import POSIX
import Stores

/// What any implementation of the store protocols must do, as checks that any test framework can run.
///
/// Each check is given a function that makes an empty store and answers a function that opens it: once for each
/// process that is to share it. What doesn't conform is thrown as a ``ConformanceFailure``.
public enum Conformance {
  /// Opens the same store again, as another process would.
  public typealias Opener<Store> = () throws -> Store

  static func require(_ condition: Bool, _ failure: @autoclosure () -> String) throws {
    if !condition { throw ConformanceFailure(description: failure()) }
  }
}

/// What a store does that it must not, or doesn't do that it must.
public struct ConformanceFailure: Error, CustomStringConvertible {
  public let description: String
}
