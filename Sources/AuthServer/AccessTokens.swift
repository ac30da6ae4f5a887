import CGI
import Stores
import Tokens
import Wire

/// Tells whether a token gives access: ours, in time, an access token, not revoked.
struct AccessTokens: Sendable {
  /// Why it doesn't.
  enum Refusal: Error {
    case expired
    case revoked(tokenID: String)
    case invalid(String)

    /// The wording of the contract.
    var detail: String {
      switch self {
      case .expired: "Token has expired"
      case .revoked(let tokenID): "Token revoked (jti=\(tokenID))"
      case .invalid(let reason): "Invalid token: \(reason)"
      }
    }
  }

  let verifier: TokenVerifier
  let revocations: any RevocationStore
  let verified = VerifiedTokens()

  /// - Throws: ``Refusal``; ``StoreError`` where it can't be told whether the token was revoked.
  func claims(of token: String) throws -> Claims {
    let claims = try genuineClaims(of: token)
    try Self.checkType(claims)
    try checkRevocation(claims)
    return claims
  }

  private func genuineClaims(of token: String) throws(Refusal) -> Claims {
    do throws(TokenError) {
      let claims = try verified.claims(of: token, verifier.genuineClaims)
      try verifier.checkTimes(claims)
      return claims
    } catch {
      switch error {
      case .expired: throw .expired
      case .invalid(let reason): throw .invalid(reason)
      }
    }
  }

  /// A refresh token is for one route only.
  static func checkType(_ claims: Claims) throws(Refusal) {
    if let type = claims.all["type"], type.string?.hasSameBytes(as: "refresh") ?? true {
      throw .invalid("a refresh token is no access token")
    }
  }

  /// - Throws: ``Refusal``, ``StoreError``.
  func checkRevocation(_ claims: Claims) throws {
    if let tokenID = claims.tokenID, try revocations.isRevoked(tokenID) {
      throw Refusal.revoked(tokenID: tokenID)
    }
  }
}
