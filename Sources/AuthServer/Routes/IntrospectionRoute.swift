import CGI
import Gate
import Sessions
import Stores
import Tokens
import Wire

/// `POST /oauth/introspect`: tells a program whether a token is good, and what it says. RFC 7662.
struct IntrospectionRoute: Sendable {
  private let body: FormBody
  private let authenticator: Authenticator
  private let grants: SessionGrants

  init(_ context: RouteContext) {
    body = FormBody(limit: context.settings.maximumBodySize)
    authenticator = context.authenticator
    grants = context.grants
  }

  @Sendable func respond(to request: Request, by _: Identity) throws -> Response {
    let token = try body.token(of: request)
    var answer = JSONObjectWriter()
    if let (claims, isRefresh) = try goodClaims(token) {
      answer.add("active", true)
      answer.add("token_type", isRefresh ? "refresh_token" : "Bearer")
      let scope = claims.scopes.joined(separator: " ")
      if !scope.isEmpty { answer.add("scope", scope) }
      for name in ["sub", "iss", "jti", "role", "sid", "session_id", "agent_id", "algorithm"] {
        if let text = claims.all[name]?.string { answer.add(name, text) }
      }
      if let audience = claims.audiences.first { answer.add("aud", audience) }
      if let issuedAt = claims.issuedAt.flatMap({ Int(exactly: $0.rounded(.down)) }) {
        answer.add("iat", issuedAt)
      }
      if let expiry = claims.expiry.flatMap({ Int(exactly: $0.rounded(.down)) }) { answer.add("exp", expiry) }
    } else {
      // Nothing else, whatever the reason: section 2.2.
      answer.add("active", false)
    }
    return .json(answer.finish())
  }

  /// The claims of a token that a route of this server would accept now; nil for any other.
  private func goodClaims(_ token: String) throws -> (Claims, isRefresh: Bool)? {
    if let claims = try claims(Credential(token: token, kind: .bearer)) { return (claims, false) }
    guard let claims = try claims(Credential(token: token, kind: .refresh)), try grants.isCurrent(claims)
    else {
      return nil
    }
    return (claims, true)
  }

  private func claims(_ credential: Credential) throws -> Claims? {
    do {
      return try authenticator.authenticate(credential)
    } catch is Refusal {
      return nil
    }
  }
}
