import AuthServer
import Stores

/// When revoked tokens expire, as far as the mint audit knows.
struct RevokedExpiries {
  /// Clocks of validators may be late by so much. Seconds.
  static let margin = 60.0

  private var known: [String: Double] = [:]
  private let longestLifetime: Double

  init(revocations: any RevocationStore, mints: any MintAuditStore, settings: Settings) throws {
    longestLifetime = Double(
      max(
        settings.accessTokenMinutes * 60, settings.refreshTokenDays * 86400,
        settings.fleetMaximumSeconds))
    var query = MintQuery(limit: 10_000)
    while true {
      let page = try mints.list(query)
      for mint in page.mints where try mint.expiry > 0 && revocations.isRevoked(mint.tokenID) {
        known[mint.tokenID] = Double(mint.expiry)
      }
      guard let cursor = page.cursor else { return }
      query.before = cursor
    }
  }

  /// Seconds since 1970; infinite where nothing tells.
  func expiry(of revocation: Revocation) -> Double {
    if let expiry = known[revocation.tokenID] { return expiry }
    return revocation.revokedAt > 0 ? revocation.revokedAt + longestLifetime : .infinity
  }
}
