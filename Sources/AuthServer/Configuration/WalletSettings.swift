import POSIX
import Wallets
import Wire

extension Settings {
  /// What the settings say to the wallet schemes.
  func walletSite(clock: Clock) -> WalletSite {
    WalletSite(
      origins: effectiveSiteOrigins, statement: self.signInStatement, ethereumChains: self.ethereumChains,
      lifetime: self.challengeSeconds, isStrict: self.strictWalletKeys,
      bindsChallenges: self.challengeFormat.hasSameBytes(as: Settings.boundChallenges), clock: clock)
  }

  /// The origins of the pages on which people sign in: by default the issuer's, if it is an HTTP URL.
  var effectiveSiteOrigins: [WebOrigin] {
    self.siteOrigins.isEmpty
      ? WebOrigin(ofURL: self.issuer).map { [$0] } ?? [] : self.siteOrigins.compactMap { WebOrigin($0) }
  }

  static let boundChallenges = "bound"
  static let challengeFormats = ["nonce", boundChallenges]
}
