// StoreConformance: the checks that every implementation of a store protocol must pass, for any test
// framework. The module knows the protocols of Stores and no implementation.

import POSIX
import Stores

/// The checks that every implementation of the store protocols must pass.
///
/// Each check takes a function that makes an empty store and returns an ``Opener``. The check calls the
/// opener once for each process that shares the store. If the store doesn't conform, the check throws a
/// ``ConformanceFailure``.
public enum Conformance {
  /// Opens the same store again, as another process does.
  public typealias Opener<Store> = () throws -> Store

  static func require(_ condition: Bool, _ failure: @autoclosure () -> String) throws {
    if !condition { throw ConformanceFailure(description: failure()) }
  }
}

/// Why a store doesn't conform.
public struct ConformanceFailure: Error, CustomStringConvertible {
  /// The requirement that the store doesn't meet.
  public let description: String
}
