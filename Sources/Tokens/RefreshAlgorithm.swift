/// The signature algorithm of refresh tokens.
public enum RefreshAlgorithm: String, Sendable, CaseIterable {
  /// RSASSA-PKCS1-v1_5 with the signing key, as for access tokens. RFC 7518, section 3.3.
  case rs256 = "RS256"
  /// HMAC with a secret that only the holders of the signing key can derive. RFC 7518, section 3.2.
  case hs256 = "HS256"
}
