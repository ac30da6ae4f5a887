import CGI
import HTTPTypes
import Stores
import Wallets
import Wire

/// `POST /challenge`: makes a one-time challenge that a wallet signs, alone or within a message.
struct ChallengeRoute: Sendable {
  private let body: JSONBody
  private let store: any ChallengeStore
  /// The lifetime of a challenge. Seconds.
  private let lifetime: Int
  private let address: ClientAddress
  private let shares: ChallengeShares
  private let schemes: EnabledSchemes
  private let site: WalletSite

  init(_ context: RouteContext, schemes: [any WalletScheme] = WalletSchemes.all) {
    body = context.body
    store = context.stores.challenges
    lifetime = context.settings.challengeSeconds
    address = context.address
    shares = ChallengeShares(lifetime: lifetime)
    self.schemes = EnabledSchemes(context.settings, schemes)
    site = context.settings.walletSite(clock: context.clock)
  }

  @Sendable func respond(to request: Request) throws -> Response {
    let body = try body.read(request)
    let wallet = try body.text("address")
    guard !wallet.isEmpty else { throw Problem(.badRequest, "address required") }
    let (binding, message) = try WalletRefusal.answered { try read(body, wallet: wallet, of: request) }
    let client = address.of(request)
    guard shares.take(for: client, load: store.load) else {
      throw Problem(
        .serviceUnavailable, "too many challenges are pending", fields: [.retryAfter: "\(lifetime)"])
    }
    let challenge: String
    do {
      challenge = try store.create(for: binding)
    } catch {
      shares.giveBack(for: client)
      throw error
    }
    var answer = JSONObjectWriter()
    answer.add("challenge", challenge)
    answer.add("ttl", lifetime)
    if let message { answer.add("message", message(challenge)) }
    return .json(answer.finish())
  }

  /// Reads a request before a challenge is made, so that a bad one takes up no space.
  /// - Returns: what the challenge is bound to, and what writes the message for it; nil if the challenge is signed
  ///   alone.
  private func read(
    _ body: JSONObject, wallet: String, of request: Request
  ) throws -> (binding: String, message: ((String) -> String)?) {
    let scheme =
      body["algorithm"] == nil
      ? WalletSchemes.whenLeftOut(for: wallet) : try schemes.named(try body.text("algorithm"))
    let uri = try body.text("uri")
    let asked = MessageRequest(address: wallet, chain: try body.chain) { () throws(WalletRefusal) in
      try site.origin(field: request.variables[.origin], uri: uri)
    }
    // Whoever names no algorithm makes the message itself, if there is one.
    let message = body["algorithm"] == nil && scheme.signsMessages ? nil : try scheme.message(asked, at: site)
    return (try scheme.binding(of: wallet), message)
  }
}

extension WalletSite {
  /// The origin of the page that asks for a message: that of the Origin field or of a URI, or the first one if a
  /// client has neither.
  /// - Throws: `WalletRefusal` for an origin that isn't of this site. It doesn't repeat the origin.
  fileprivate func origin(field: String?, uri: String) throws(WalletRefusal) -> WebOrigin {
    let named = uri.isEmpty ? nil : WebOrigin(ofURL: uri)
    let found = origins.first { origin in
      (field.map(origin.isSpelled) ?? true) && (uri.isEmpty || named == origin)
    }
    guard let found else { throw .invalidRequest("origin is not in site_origins") }
    return found
  }
}

extension JSONObject {
  /// The chain that a client asks for: a number or a name; empty if the member is missing.
  fileprivate var chain: String {
    get throws(Problem) {
      switch self["chain_id"] {
      case nil, .null?: return ""
      case .integer(let number)?: return String(number)
      case .string(let name)?: return name
      default: throw Problem(.badRequest, "chain_id must be a whole number or a string")
      }
    }
  }
}
