import Stores

extension StoreBackend {
  /// Shared files in `state_dir`, or at the paths that the settings name.
  static let files = StoreBackend("files") { settings, clock, logger in
    let reserve = SpaceReserve(settings)
    return StoreSet(
      challenges: JSONLChallengeStore(
        path: settings.effectiveChallengePath, lifetime: settings.challengeSeconds,
        limit: settings.maximumPendingChallenges, reserve: reserve, clock: clock, logger: logger),
      revocations: JSONLRevocationStore(
        path: settings.effectiveRevocationPath, clock: clock, logger: logger),
      mints: JSONLMintAuditStore(
        path: settings.effectiveMintAuditPath, retentionDays: settings.mintAuditRetentionDays,
        reserve: reserve, clock: clock, logger: logger),
      sessions: FileSessionStore(
        path: settings.effectiveSessionPath, reserve: reserve, clock: clock, logger: logger),
      throttles: FileThrottleStore(
        path: settings.effectiveThrottlePath, reserve: reserve, clock: clock, logger: logger),
      reserve: reserve)
  }
}
