import CGI
import HTTPTypes
import Stores
import Wire

/// `POST /challenge`: makes a one-time challenge that a wallet signs.
struct ChallengeRoute: Sendable {
  private let body: JSONBody
  private let store: any ChallengeStore
  /// The lifetime of a challenge. Seconds.
  private let lifetime: Int
  private let address: ClientAddress
  private let shares: ChallengeShares

  init(_ context: RouteContext) {
    body = context.body
    store = context.stores.challenges
    lifetime = context.settings.challengeSeconds
    address = context.address
    shares = ChallengeShares(lifetime: lifetime)
  }

  @Sendable func respond(to request: Request) throws -> Response {
    let wallet = try body.read(request).text("address")
    guard !wallet.isEmpty else { throw Problem(.badRequest, "address required") }
    let client = address.of(request)
    guard shares.take(for: client, load: store.load) else {
      throw Problem(
        .serviceUnavailable, "too many challenges are pending", fields: [.retryAfter: "\(lifetime)"])
    }
    let challenge: String
    do {
      challenge = try store.create(for: wallet)
    } catch {
      shares.giveBack(for: client)
      throw error
    }
    var answer = JSONObjectWriter()
    answer.add("challenge", challenge)
    answer.add("ttl", lifetime)
    return .json(answer.finish())
  }
}
