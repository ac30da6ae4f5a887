import Logging
import POSIX

/// A kind of stores that the settings can choose, such as shared files or a database.
public struct StoreBackend: Sendable {
  /// The name of the back end, such as `files`.
  public let name: String
  /// Makes the stores that the settings name; nil if the settings choose another back end.
  private let make: @Sendable (Settings, Clock, Logger) -> StoreSet?

  init(_ name: String, make: @escaping @Sendable (Settings, Clock, Logger) -> StoreSet?) {
    self.name = name
    self.make = make
  }

  /// Every back end. ``open(_:clock:logger:)`` takes the first that the settings choose. Shared files come last,
  /// because they fit any settings.
  public static let all: [StoreBackend] = [.files]

  /// Opens the stores of the back end that the settings choose.
  public static func open(_ settings: Settings, clock: Clock, logger: Logger) -> StoreSet {
    for backend in all {
      if let stores = backend.make(settings, clock, logger) { return stores }
    }
    preconditionFailure("no back end takes these settings")
  }
}
