import Logging
import POSIX
import Stores

/// The stores that the routes read and write.
public struct StoreSet: Sendable {
  /// The pending challenges.
  public var challenges: any ChallengeStore
  /// The revoked tokens.
  public var revocations: any RevocationStore
  /// The record of the tokens issued.
  public var mints: any MintAuditStore
  /// The sessions of everybody who signed in.
  public var sessions: any SessionStore
  /// The failed attempts to guess a password or a secret.
  public var throttles: any ThrottleStore
  /// Disk space that the other stores leave free for revocations; nil if the stores aren't on a local disk.
  public var reserve: SpaceReserve?

  public init(
    challenges: any ChallengeStore, revocations: any RevocationStore, mints: any MintAuditStore,
    sessions: any SessionStore, throttles: any ThrottleStore, reserve: SpaceReserve? = nil
  ) {
    self.reserve = reserve
    self.challenges = challenges
    self.revocations = revocations
    self.mints = mints
    self.sessions = sessions
    self.throttles = throttles
  }
}
