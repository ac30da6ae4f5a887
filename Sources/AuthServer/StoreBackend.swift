import Logging
import POSIX

/// A kind of stores that the settings may choose: shared files, a database.
public struct StoreBackend: Sendable {
  /// What it is, in a word.
  public let name: String
  /// Makes the stores that the settings name; nil where the settings choose another kind.
  private let make: @Sendable (Settings, Clock, Logger) -> StoreSet?

  init(_ name: String, make: @escaping @Sendable (Settings, Clock, Logger) -> StoreSet?) {
    self.name = name
    self.make = make
  }

  /// Every back end there is. The first that the settings choose is taken. Shared files are the last, and take any.
  public static let all: [StoreBackend] = [.files]

  /// The stores that the settings name.
  public static func open(_ settings: Settings, clock: Clock, logger: Logger) -> StoreSet {
    for backend in all {
      if let stores = backend.make(settings, clock, logger) { return stores }
    }
    preconditionFailure("no back end takes these settings")
  }
}
