/// What a token is presented for. It decides which keys may have signed the token.
public enum TokenUse: Sendable {
  /// To get access: only a signing key may have signed it, with RS256.
  case access
  /// To get new tokens: a signing key may have signed it, or the ``RefreshKey`` of one.
  case refresh
}
