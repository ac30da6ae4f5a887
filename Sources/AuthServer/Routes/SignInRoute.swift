import CGI
import Gate
import Sessions
import Stores
import Wallets
import Wire

/// `POST /sign-in`: issues tokens to a wallet that signs a challenge with the key of its address.
struct SignInRoute: Sendable {
  private let body: JSONBody
  private let store: any ChallengeStore
  private let answers: SignInAnswers
  private let reserve: SpaceReserve?
  private let schemes: EnabledSchemes
  private let site: WalletSite

  init(_ context: RouteContext, schemes: [any WalletScheme] = WalletSchemes.all) {
    body = context.body
    store = context.stores.challenges
    answers = SignInAnswers(context)
    reserve = context.stores.reserve
    self.schemes = EnabledSchemes(context.settings, schemes)
    site = context.settings.walletSite(clock: context.clock)
  }

  @Sendable func respond(to request: Request) throws -> Response {
    let form = try answers.form(for: request)
    let body = try body.read(request)
    return try WalletRefusal.answered { try signIn(body, form, client: answers.client(of: request)) }
  }

  private func signIn(
    _ body: JSONObject, _ form: SignInAnswers.Form, client: SignInClient
  ) throws -> Response {
    let (scheme, attempt) = try read(body)
    // If the disk is full, the client can retry with the same challenge.
    try reserve?.require()
    // The challenge is used up before the signature is verified, so that each challenge allows one attempt only.
    guard try store.consume(attempt.challenge, for: attempt.address) else {
      throw Refusal.unusableChallenge
    }
    let identity = try attempt.verify(at: site)
    let signIn = SignIn(
      subject: identity.subject, role: "wallet", method: scheme.name,
      claims: identity.claims.map { SessionClaim($0.name, $0.value) }, client: client)
    return try answers.answer(
      signIn, form, members: [("address", identity.subject), ("algorithm", scheme.name)])
  }

  /// Reads a sign-in attempt. A malformed one uses up no challenge.
  /// - Throws: `WalletRefusal` or ``Problem`` 400 if the body is malformed, or if the settings don't enable the
  ///   algorithm.
  private func read(_ body: JSONObject) throws -> (scheme: any WalletScheme, attempt: any WalletAttempt) {
    let leftOut = WalletSchemes.whenLeftOut
    let algorithm = body["algorithm"] == nil ? leftOut.name : try body.text("algorithm")
    // Other mistakes are reported before an unknown algorithm is. So the body is read as if `algorithm` were absent.
    let attempt = try (schemes.known(algorithm) ?? leftOut).parse(WalletMembers { try body.text($0) })
    return (try schemes.named(algorithm), attempt)
  }
}
