import CGI
import Stores
import Wire

/// `POST /challenge`: a one-time text for a wallet to sign.
struct ChallengeRoute: Sendable {
  let body: JSONBody
  let store: any ChallengeStore
  /// Seconds.
  let lifetime: Int

  @Sendable func respond(to request: Request) throws -> Response {
    let address = try body.read(request).text("address")
    guard !address.isEmpty else { throw Problem(.badRequest, "address required") }
    var answer = JSONObjectWriter()
    answer.add("challenge", try store.create(for: address))
    answer.add("ttl", lifetime)
    return .json(answer.finish())
  }
}
