import Crypto
import Wire

/// The reason in the revocation of a refresh token that a session took over.
enum Adoption {
  private static let beginning = "exchanged for session "

  static func reason(_ session: String) -> String { beginning + session }

  /// The session that a reason names; nil if the token was revoked for another reason.
  static func session(in reason: String) -> String? {
    reason.hasPrefix(beginning) ? String(reason.dropFirst(beginning.count)) : nil
  }
}

/// The `jti` of a token as a session's record holds it.
enum TokenID {
  /// The `jti` itself if it has 32 lower-case hex digits, as those of this program; otherwise the first 32 hex digits of
  /// its SHA-256.
  static func key(_ tokenID: String) -> String {
    if let bytes = Hex.decode(tokenID), bytes.count == 16, Hex.encode(bytes).hasSameBytes(as: tokenID) {
      return tokenID
    }
    return Hex.encode(Array(SHA256.hash(data: Array(tokenID.utf8)))[..<16])
  }
}
