import Logging
import POSIX
import Stores

/// The stores that the routes work on.
public struct StoreSet: Sendable {
  public var challenges: any ChallengeStore
  public var revocations: any RevocationStore
  public var mints: any MintAuditStore
  /// Disk space that the other stores leave to revocations; nil where they aren't on a disk of ours.
  public var reserve: SpaceReserve?

  public init(
    challenges: any ChallengeStore, revocations: any RevocationStore, mints: any MintAuditStore,
    reserve: SpaceReserve? = nil
  ) {
    self.reserve = reserve
    self.challenges = challenges
    self.revocations = revocations
    self.mints = mints
  }
}

/// A kind of stores that the settings may choose: shared files, a database.
public struct StoreBackend: Sendable {
  /// What it is, in a word.
  public let name: String
  /// Whether the settings choose it.
  let isChosen: @Sendable (Settings) -> Bool
  let open: @Sendable (Settings, Clock, Logger) -> StoreSet

  /// Every back end there is. The first that the settings choose is taken, and the last one always is.
  public static let all: [StoreBackend] = [.files]

  /// The stores that the settings name.
  public static func open(_ settings: Settings, clock: Clock, logger: Logger) -> StoreSet {
    let backend = all.first { $0.isChosen(settings) } ?? .files
    return backend.open(settings, clock, logger)
  }
}
