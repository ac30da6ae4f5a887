import Foundation
import Wire

/// The claims of a token, unverified.
public func claims(of token: String) throws -> JSONObject {
  let parts = token.split(separator: ".")
  guard parts.count == 3, let payload = Base64URL.decode(Array(parts[1].utf8)) else { throw MalformedToken() }
  return try JSONObject(parsing: payload)
}

public struct MalformedToken: Error {}
