import Stores

/// A proven sign-in, from which a session begins.
public struct SignIn: Sendable {
  /// The method of a sign-in with a password.
  public static let password = "password"
  /// The method of a session that takes over a refresh token without a session.
  public static let adopted = "refresh"

  /// `sub`.
  public var subject: String
  /// `role`.
  public var role: String
  /// ``password``, or the name of a wallet scheme.
  public var method: String
  /// Further claims of the access tokens.
  public var claims: [SessionClaim]
  /// Identifies the credential: see ``SessionStart/credential``.
  public var credential: [UInt8]
  /// The client that signs in.
  public var client: SignInClient

  public init(
    subject: String, role: String, method: String, claims: [SessionClaim] = [], credential: [UInt8] = [],
    client: SignInClient
  ) {
    self.subject = subject
    self.role = role
    self.method = method
    self.claims = claims
    self.credential = credential
    self.client = client
  }

  func start(until end: Int) -> SessionStart {
    SessionStart(
      subject: subject, role: role, method: method, claims: claims, credential: credential, expiresAt: end,
      address: client.address, userAgent: client.userAgent)
  }
}

/// The client of a sign-in, as its session shows it.
public struct SignInClient: Sendable {
  /// The IP address; empty if it is unknown.
  public var address: String
  /// The User-Agent field.
  public var userAgent: String

  public init(address: String, userAgent: String) {
    self.address = address
    self.userAgent = userAgent
  }
}

extension SessionStart {
  /// The claims of the session's access tokens beside the registered ones and `role`. A wallet's tokens name its address
  /// and its scheme.
  public var accessClaims: [(name: String, value: String)] {
    let isWallet = method != SignIn.password && method != SignIn.adopted
    return (isWallet ? [("wallet_address", subject), ("algorithm", method)] : [])
      + claims.map { ($0.name, $0.value) }
  }
}
