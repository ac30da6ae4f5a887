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
  /// The names of the schemes that the settings enable.
  private let algorithms: [String]
  private let answers: SignInAnswers
  private let reserve: SpaceReserve?
  private let schemes: [any WalletScheme]

  init(_ context: RouteContext, schemes: [any WalletScheme] = WalletSchemes.all) {
    body = context.body
    store = context.stores.challenges
    algorithms = context.settings.walletAlgorithms
    answers = SignInAnswers(context)
    reserve = context.stores.reserve
    self.schemes = schemes
  }

  @Sendable func respond(to request: Request) throws -> Response {
    let form = try answers.form(for: request)
    let body = try body.read(request)
    do {
      return try signIn(body, form, client: answers.client(of: request))
    } catch let refusal as WalletRefusal {
      switch refusal {
      case .invalidRequest(let detail): throw Problem(.badRequest, detail)
      case .notProven(let detail): throw Refusal.unproven(detail)
      }
    }
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
    let identity = try attempt.verify()
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
    let scheme = schemes.named(algorithm)
    // Other mistakes are reported before an unknown algorithm is. So the body is read as if `algorithm` were absent.
    let attempt = try (scheme ?? leftOut).parse(WalletMembers { try body.text($0) })
    guard let scheme, algorithms.containsBytes(of: algorithm) else {
      throw Problem(.badRequest, "unsupported wallet algorithm: \(algorithm)")
    }
    return (scheme, attempt)
  }
}
