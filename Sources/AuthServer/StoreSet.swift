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
