import Sessions
import Tokens
import Wire

extension LiveSessions.Found {
  /// The claims that an access token of the session would have, with what its subject is now. `exp` is the end of the
  /// session if nobody uses it.
  /// - Parameter audience: `aud`.
  func claims(audience: String) -> Claims {
    var members: [(name: String, value: JSONValue)] = [
      ("sub", .string(session.start.subject)), ("role", .string(standing.role)),
      ("aud", .string(audience)),
      ("iat", .integer(Int(session.createdAt))), ("exp", .integer(expiry)), ("sid", .string(session.id)),
    ]
    members += session.start.accessClaims.map { ($0.name, .string($0.value)) }
    if !standing.groups.isEmpty { members.append(("groups", .array(standing.groups.map { .string($0) }))) }
    if !standing.scopes.isEmpty { members.append(("scope", .string(standing.scopes.joined(separator: " ")))) }
    return Claims(all: JSONObject(members: members))
  }
}
