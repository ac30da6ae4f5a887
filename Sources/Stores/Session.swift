import Wire

/// One sign-in, and everything that it allows until it ends.
public struct Session: Sendable, Equatable {
  /// The identifier, `sid` in tokens: up to 64 letters, digits, dashes and underscores. It is no secret.
  public let id: String
  /// What the sign-in decided.
  public let start: SessionStart
  /// When the session began. Seconds since 1970, with a fraction. A store gives a session a later time than
  /// the last ``SessionStore/endAll(of:reason:)`` of its subject, even if the clock was set back.
  public let createdAt: Double
  /// When the session was last used. Seconds since 1970. A store may round it, and forget the last minute of
  /// it in a power failure.
  public var lastUsedAt: Int
  /// The tokens that were issued last; nil if there are none yet.
  public var tokens: SessionTokens?
  /// When and why the session was ended; nil if nobody ended it. It may have expired all the same.
  public var end: SessionEnd?

  public init(
    id: String, start: SessionStart, createdAt: Double, lastUsedAt: Int, tokens: SessionTokens? = nil,
    end: SessionEnd? = nil
  ) {
    self.id = id
    self.start = start
    self.createdAt = createdAt
    self.lastUsedAt = lastUsedAt
    self.tokens = tokens
    self.end = end
  }

  /// Whether the session is neither ended nor over.
  /// - Parameters:
  ///   - now: seconds since 1970.
  ///   - idleSeconds: how long a session with a cookie may be unused. Seconds.
  public func isLive(at now: Int, idleSeconds: Int) -> Bool {
    end == nil && now < expiry(idleSeconds: idleSeconds)
  }

  /// When the session is over if nobody uses or ends it. Seconds since 1970.
  /// - Parameter idleSeconds: how long a session with a cookie may be unused. Seconds.
  public func expiry(idleSeconds: Int) -> Int {
    start.cookieDigest == nil ? start.expiresAt : min(start.expiresAt, lastUsedAt + idleSeconds)
  }
}

/// What a sign-in decides about its session.
public struct SessionStart: Sendable, Equatable {
  /// `sub`. At most 4096 bytes.
  public var subject: String
  /// `role` at the time of the sign-in. At most 64 bytes.
  public var role: String
  /// How the subject signed in: `password`, or the name of a wallet scheme. At most 32 bytes. For a refresh
  /// token of another program: `refresh`.
  public var method: String
  /// Further claims of the access tokens, beside those that the method implies. 64 bytes in all at most.
  public var claims: [SessionClaim]
  /// Identifies the credential that the subject signed in with, so that a change of it is noticed. 8 bytes, or
  /// none.
  public var credential: [UInt8]
  /// The absolute end. Seconds since 1970.
  public var expiresAt: Int
  /// The address of the client that signed in; empty if it is unknown. At most 45 bytes.
  public var address: String
  /// The User-Agent field of the sign-in. A store keeps as much of its beginning as it has room for.
  public var userAgent: String
  /// SHA-256 of the secret in the session's cookie, 32 bytes; nil if the session has tokens instead.
  public var cookieDigest: [UInt8]?

  public init(
    subject: String, role: String, method: String, claims: [SessionClaim] = [], credential: [UInt8] = [],
    expiresAt: Int, address: String = "", userAgent: String = "", cookieDigest: [UInt8]? = nil
  ) {
    self.subject = subject
    self.role = role
    self.method = method
    self.claims = claims
    self.credential = credential
    self.expiresAt = expiresAt
    self.address = address
    self.userAgent = userAgent
    self.cookieDigest = cookieDigest
  }
}

/// A claim of a session's access tokens.
public struct SessionClaim: Sendable, Equatable {
  public let name: String
  public let value: String

  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}

/// The tokens that a session issued last. From this record, any process can sign the same tokens again.
public struct SessionTokens: Sendable, Equatable {
  /// How many times the session has issued tokens: 1 for the sign-in's own.
  public var generation: Int
  /// `jti` of the access token: 32 hex digits.
  public var accessID: String
  /// `jti` of the access token that was issued before; nil if there was none.
  public var earlierAccessID: String?
  /// `jti` of the refresh token, 32 hex digits; nil if the session has a cookie.
  public var refreshID: String?
  /// `jti` of the refresh token that a client exchanged for these tokens, 32 hex digits; nil if it signed in.
  public var retiredID: String?
  /// `iat` of both. Seconds since 1970.
  public var issuedAt: Int
  /// `exp` of the access token. Seconds since 1970.
  public var accessExpiry: Int
  /// `exp` of the refresh token. Seconds since 1970; 0 if there is none.
  public var refreshExpiry: Int
  /// When the exchanged token was retired. Seconds since 1970, with a fraction of three digits.
  public var retiredAt: Double

  public init(
    generation: Int, accessID: String, earlierAccessID: String? = nil, refreshID: String?,
    retiredID: String? = nil, issuedAt: Int, accessExpiry: Int, refreshExpiry: Int, retiredAt: Double = 0
  ) {
    self.generation = generation
    self.accessID = accessID
    self.earlierAccessID = earlierAccessID
    self.refreshID = refreshID
    self.retiredID = retiredID
    self.issuedAt = issuedAt
    self.accessExpiry = accessExpiry
    self.refreshExpiry = refreshExpiry
    self.retiredAt = retiredAt
  }
}

/// The end that somebody put to a session.
public struct SessionEnd: Sendable, Equatable {
  /// Seconds since 1970, with a fraction.
  public let at: Double
  /// Why. A store keeps at least 32 bytes of it.
  public let reason: String

  public init(at: Double, reason: String) {
    self.at = at
    self.reason = reason
  }
}
