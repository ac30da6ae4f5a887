import CGI
import POSIX
import Tokens
import Wire

/// Issues the tokens that routes hand out, with the lifetimes of the settings.
struct TokenIssuing: Sendable {
  private let issuer: TokenIssuer
  private let accessSeconds: Int
  private let refreshSeconds: Int

  init(settings: Settings, keys: KeyRing, clock: Clock) {
    issuer = TokenIssuer(
      ring: keys, issuer: settings.issuer, audience: settings.audience, clock: clock)
    accessSeconds = settings.accessTokenMinutes * 60
    refreshSeconds = settings.refreshTokenDays * 86400
  }

  /// Signs an access and a refresh token and begins the answer with them.
  /// - Parameter claims: further claims of the access token.
  func pair(
    subject: String, role: String, claims: [(name: String, value: String)] = []
  ) throws -> JSONObjectWriter {
    let access = try issuer.issue(
      subject: subject, role: role, lifetime: accessSeconds, claims: claims)
    let refresh = try issuer.issue(
      subject: subject, role: role, lifetime: refreshSeconds, claims: [("type", "refresh")])
    var answer = JSONObjectWriter()
    answer.add("access_token", access.text)
    answer.add("refresh_token", refresh.text)
    answer.add("token_type", "Bearer")
    answer.add("expires_in", accessSeconds)
    return answer
  }
}
