import CGI
import Gate
import Stores
import Wallets
import Wire

/// `POST /sign-in`: tokens for whoever signs a challenge with the key their address stands for.
struct SignInRoute: Sendable {
  private let body: JSONBody
  private let store: any ChallengeStore
  /// The names of the schemes that are switched on.
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
    // Told before the challenge is used up. The address stands in the token twice, in base64url.
    try cookie?.checkLength(attempt.address.utf8.count * 2 * 4 / 3)
    // Likewise: the client asks again with the same challenge.
    try grants.checkSpace()
    // Before the signature is looked at: whatever it says, this challenge has had its chance.
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

  /// Reads a well-formed attempt. What isn't one uses up no challenge.
  private func read(_ body: JSONObject) throws -> (scheme: any WalletScheme, attempt: any WalletAttempt) {
    let leftOut = WalletSchemes.whenLeftOut
    let algorithm = body["algorithm"] == nil ? leftOut.name : try body.text("algorithm")
    let scheme = schemes.named(algorithm)
    // What else is wrong is told before the algorithm is refused, so an unknown one is read like one left out.
    let attempt = try (scheme ?? leftOut).parse(WalletMembers { try body.text($0) })
    guard let scheme, algorithms.containsBytes(of: algorithm) else {
      throw Problem(.badRequest, "unsupported wallet algorithm: \(algorithm)")
    }
    return (scheme, attempt)
  }
}
