import CGI
import Gate
import Sessions
import Tokens

/// `POST /oauth/revoke`: revokes a token for a client that has it. RFC 7009.
struct TokenRevocationRoute: Sendable {
  private let body: FormBody
  private let ends: SessionEnds
  private let verifier: TokenVerifier

  init(_ context: RouteContext) {
    body = FormBody(limit: context.settings.maximumBodySize)
    ends = context.ends
    verifier = context.verifier
  }

  @Sendable func respond(to request: Request) throws -> Response {
    let token = try body.token(of: request)
    // A token that isn't good needs no revocation: section 2.2.
    if let claims = try? verifier.genuineClaims(ofAny: token), let tokenID = claims.tokenID {
      _ = try ends.revoke(claims, tokenID, reason: "revoked by its holder", by: claims.subject ?? "")
    }
    return Response(status: .ok)
  }
}
