import CGI
import Gate
import Wire

/// `GET /me`: says who the caller is.
struct MeRoute: Sendable {
  @Sendable func respond(to _: Request, by caller: Identity) throws -> Response {
    let claims = caller.claims
    var answer = JSONObjectWriter()
    answer.add("sub", claims.subject ?? "")
    if let name = claims.all["name"]?.string { answer.add("name", name) }
    answer.add("role", claims.role ?? "")
    answer.add("groups", claims.groups)
    answer.add("scope", claims.scopes.joined(separator: " "))
    if let session = claims.session { answer.add("sid", session) }
    if let algorithm = claims.all["algorithm"]?.string { answer.add("algorithm", algorithm) }
    answer.add("exp", claims.expiry.flatMap { Int(exactly: $0.rounded(.down)) } ?? 0)
    return .json(answer.finish())
  }
}
