import Foundation
import TestSupport
import Wire

/// What an operator and an agent's fleet do, over any way to reach the routes.
extension AuthBackend {
  func call(
    _ method: String, _ path: String, bearer: String, _ body: String? = nil
  ) throws -> HTTPAnswer {
    var fields = [("Authorization", "Bearer \(bearer)")]
    if body != nil { fields.append(("Content-Type", "application/json")) }
    return try send(method, path, fields: fields, body: body.map { Array($0.utf8) })
  }

  /// A token of any role, by the fleet secret.
  func session(_ id: String, role: String, ttl: Int = 86400) throws -> String {
    try mint(id, role: role, ttl: ttl).string("session_token")
  }

  func mint(_ id: String, role: String, ttl: Int = 86400) throws -> HTTPAnswer {
    try send(
      "POST", "/fleet/sessions", fields: fleetFields,
      body: Array(#"{"session_id":"\#(id)","agent_id":"a","role":"\#(role)","ttl":\#(ttl)}"#.utf8))
  }

  var fleetFields: [(String, String)] {
    [("Content-Type", "application/json"), ("X-Fleet-Secret", "0123456789-fleet-secret")]
  }

  func revoke(_ jti: String, bearer: String) throws -> HTTPAnswer {
    var body = JSONObjectWriter()
    body.add("jti", jti)
    return try call("POST", "/revoke", bearer: bearer, String(decoding: body.finish(), as: UTF8.self))
  }

  /// Every revoked jti that the list has.
  func revoked(bearer: String) throws -> Set<String> {
    let answer = try call("GET", "/revoked-jtis", bearer: bearer)
    let document = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any]
    let items = document?["items"] as? [[String: Any]] ?? []
    return Set(items.compactMap { $0["jti"] as? String })
  }
}

/// A claim of a token, its signature not looked at.
func claim(_ name: String, of token: String) -> String {
  let payload = token.split(separator: ".").dropFirst().first ?? ""
  let bytes = Base64URL.decode(Array(payload.utf8)) ?? []
  return (try? JSONObject(parsing: bytes)[name]?.string) ?? ""
}
