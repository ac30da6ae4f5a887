import CGI
import Gate
import Stores
import Wallets
import Wire

/// `POST /sign-in`: tokens for whoever signs a challenge with the key their address stands for.
struct SignInRoute: Sendable {
  private let body: JSONBody
  private let store: any ChallengeStore
  private let algorithms: [String]
  private let grants: TokenGrants
  private let cookie: SessionCookie?

  init(_ context: RouteContext) {
    body = context.body
    store = context.stores.challenges
    algorithms = context.settings.walletAlgorithms
    grants = context.grants
    cookie = context.cookie
  }

  @Sendable func respond(to request: Request) throws -> Response {
    let cookie = try SessionCookie.asked(by: request, of: cookie)
    let attempt = try Attempt(try body.read(request), algorithms: algorithms)
    // Told before the challenge is used up: an address of 1952 bytes, twice in the token.
    if cookie != nil && attempt.algorithm == .mldsa65 {
      throw Problem(.badRequest, "an ML-DSA-65 token is too long for a cookie")
    }
    // Before the signature is looked at: whatever it says, this challenge has had its chance.
    guard try store.consume(attempt.challenge, for: attempt.address) else {
      throw Refusal.unusableChallenge
    }
    guard
      attempt.algorithm.verifies(
        signature: attempt.signature, of: Array(attempt.challenge.utf8),
        publicKey: attempt.publicKey)
    else { throw Refusal.wrongSignature }
    // Who signed in is told by the verified key, never by what the client says of itself.
    let address = Hex.encode(attempt.publicKey)
    guard Hex.normalized(attempt.address).hasSameBytes(as: address) else {
      throw Problem(.badRequest, "address does not match verified public key")
    }
    let algorithm = attempt.algorithm.rawValue
    var answer = try grants.pair(
      subject: address, role: "wallet",
      claims: [("wallet_address", address), ("algorithm", algorithm)], cookie: cookie)
    answer.members.add("address", address)
    answer.members.add("algorithm", algorithm)
    return answer.response
  }
}

extension SignInRoute {
  /// A well-formed attempt to sign in. What isn't one uses up no challenge.
  private struct Attempt {
    let address: String
    let publicKey: [UInt8]
    let signature: [UInt8]
    let challenge: String
    let algorithm: WalletAlgorithm

    init(_ body: JSONObject, algorithms: [String]) throws(Problem) {
      address = try body.text("address")
      let publicKey = try body.text("public_key")
      let signature = try body.text("signature")
      challenge = try body.text("challenge")
      let algorithm = body["algorithm"] == nil ? "ML-DSA-65" : try body.text("algorithm")
      guard ![address, publicKey, signature, challenge].contains(where: \.isEmpty) else {
        throw Problem(.badRequest, "address, public_key, signature, and challenge required")
      }
      self.publicKey = try Self.decode("public_key", publicKey)
      self.signature = try Self.decode("signature", signature)
      guard algorithms.containsBytes(of: algorithm),
        let known = WalletAlgorithm(rawValue: algorithm)
      else { throw Problem(.badRequest, "unsupported wallet algorithm: \(algorithm)") }
      self.algorithm = known
    }

    private static func decode(_ name: String, _ text: String) throws(Problem) -> [UInt8] {
      guard let bytes = Hex.decode(text) else {
        throw Problem(.badRequest, "invalid hex encoding in \(name)")
      }
      return bytes
    }
  }
}
