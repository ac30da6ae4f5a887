import Stores

/// The tokens of a session.
public struct TokenPair: Sendable {
  /// The session.
  public let session: Session
  public let accessToken: String
  public let refreshToken: String
  /// The lifetime of the access token. Seconds.
  public let accessLifetime: Int
}

/// A session with a cookie.
public struct CookieGrant: Sendable {
  /// The session.
  public let session: Session
  /// The value of the cookie. It is a secret.
  public let value: String
  /// How long the session may last. Seconds.
  public let lifetime: Int
}

/// Why a refresh token isn't exchanged.
public enum RefreshFailure: Error {
  /// A retired token came back, which has ended the session.
  case reused(Session)
  /// The session has ended, or the token is revoked.
  case ended
  /// The subject may no longer sign in, which has ended the session, if the token has one.
  case mayNotSignIn(Session?)
  /// The token has no `sub`.
  case noSubject
  /// The token has no `jti`, so its use can't be noted.
  case noTokenID

  /// The same failure with the session as it is after its end.
  func with(_ session: Session) -> RefreshFailure {
    switch self {
    case .reused: .reused(session)
    case .mayNotSignIn: .mayNotSignIn(session)
    case .ended, .noSubject, .noTokenID: self
    }
  }
}
