import CGI
import Gate
import Stores
import Wallets
import Wire

/// `POST /sign-in`: issues tokens to a wallet that signs a challenge with the key of its address.
struct SignInRoute: Sendable {
  private let body: JSONBody
  private let store: any ChallengeStore
  /// The names of the schemes that the settings enable.
  private let algorithms: [String]
  private let grants: TokenGrants
  private let cookie: SessionCookie?
  private let schemes: [any WalletScheme]

  init(_ context: RouteContext, schemes: [any WalletScheme] = WalletSchemes.all) {
    body = context.body
    store = context.stores.challenges
    algorithms = context.settings.walletAlgorithms
    grants = context.grants
    cookie = context.cookie
    self.schemes = schemes
  }

  @Sendable func respond(to request: Request) throws -> Response {
    let cookie = try SessionCookie.asked(by: request, of: cookie)
    let body = try body.read(request)
    do {
      return try signIn(body, cookie: cookie)
    } catch let refusal as WalletRefusal {
      switch refusal {
      case .invalidRequest(let detail): throw Problem(.badRequest, detail)
      case .notProven(let detail): throw Refusal.unproven(detail)
      }
    }
  }

  private func signIn(_ body: JSONObject, cookie: SessionCookie?) throws -> Response {
    let (scheme, attempt) = try read(body)
    // This check comes before the challenge is used up. The token contains the address twice, in base64url.
    try cookie?.checkLength(attempt.address.utf8.count * 2 * 4 / 3)
    // If the disk is full, the client can retry with the same challenge.
    try grants.checkSpace()
    // The challenge is used up before the signature is verified, so that each challenge allows one attempt only.
    guard try store.consume(attempt.challenge, for: attempt.address) else {
      throw Refusal.unusableChallenge
    }
    let identity = try attempt.verify()
    var answer = try grants.pair(
      subject: identity.subject, role: "wallet",
      claims: [("wallet_address", identity.subject), ("algorithm", scheme.name)] + identity.claims,
      cookie: cookie)
    answer.members.add("address", identity.subject)
    answer.members.add("algorithm", scheme.name)
    return answer.response
  }

  /// Reads a sign-in attempt. A malformed one uses up no challenge.
  /// - Throws: `WalletRefusal` or ``Problem`` 400 if the body is malformed, or if the settings don't enable the
  ///   algorithm.
  private func read(_ body: JSONObject) throws -> (scheme: any WalletScheme, attempt: any WalletAttempt) {
    let leftOut = WalletSchemes.whenLeftOut
    let algorithm = body["algorithm"] == nil ? leftOut.name : try body.text("algorithm")
    let scheme = schemes.named(algorithm)
    // Other mistakes are reported before an unknown algorithm is. So the body is read as if `algorithm` were absent.
    let attempt = try (scheme ?? leftOut).parse(WalletMembers { try body.text($0) })
    guard let scheme, algorithms.containsBytes(of: algorithm) else {
      throw Problem(.badRequest, "unsupported wallet algorithm: \(algorithm)")
    }
    return (scheme, attempt)
  }
}
