import Tokens

/// Why the gate or a sign-in route refuses a request. Every 401 and 403 of this program begins as a refusal.
///
/// `RefusalAnswer.swift` turns it into an answer.
public struct Refusal: Error, Sendable {
  enum Reason: Sendable {
    // Authentication of the credential.
    case missing
    case malformed
    case expired
    case revoked(tokenID: String)
    case invalid(String)
    case wrongKind
    case subjectMissing
    case foreignOrigin
    case sessionOver
    case reused
    case maySignInNoLonger

    // The policy.
    case lackingRole([String])
    case lackingGroup([String])
    case lackingScope([String])
    case lackingAudience([String])
    case unclearRequirement

    // Sign-in.
    case unusableChallenge
    case unproven(String)
    case wrongPassword
    case passwordLoginDisabled
    case wrongFleetSecret
    case roleNotAllowed(String)
  }

  let reason: Reason
  /// The way that the refused token came.
  let kind: Credential.Kind
  /// The roles and scopes of which one suffices; empty if the request requires none.
  let scope: [String]

  init(_ reason: Reason, _ kind: Credential.Kind = .bearer, scope: [String] = []) {
    self.reason = reason
    self.kind = kind
    self.scope = scope
  }

  init(for error: TokenError, _ kind: Credential.Kind) {
    switch error {
    case .expired: self.init(.expired, kind)
    case .invalid(let reason): self.init(.invalid(reason), kind)
    }
  }

  /// Whether the client sent the cookie of a session that has ended.
  public var isOfEndedCookie: Bool { if case .sessionOver = reason { true } else { false } }

  /// The same refusal with the roles and scopes of which one suffices. A refusal that has some keeps them.
  func naming(_ scope: [String]) -> Refusal {
    self.scope.isEmpty ? Refusal(reason, kind, scope: scope) : self
  }
}

extension Refusal {
  /// 403: a page of another site may have caused the request.
  public static let foreignOrigin = Refusal(.foreignOrigin)
  /// 403: the web server's configuration has a requirement that is unknown or empty.
  public static let unclearRequirement = Refusal(.unclearRequirement)
  /// 401: the token has no `sub`.
  public static let subjectMissing = Refusal(.subjectMissing)
  /// 401: the cookie's session has ended.
  public static let sessionOver = Refusal(.sessionOver, .cookie)
  /// 401: a retired refresh token came back.
  public static let reusedRefreshToken = Refusal(.reused, .refresh)
  /// 401: the session of a refresh token has ended, or the token is revoked.
  public static let refreshRevoked = Refusal(.revoked(tokenID: ""), .refresh)
  /// 401: the subject of a refresh token may no longer sign in.
  public static let maySignInNoLonger = Refusal(.maySignInNoLonger, .refresh)
  /// 401: a refresh token lacks something.
  public static func invalidRefreshToken(_ reason: String) -> Refusal { Refusal(.invalid(reason), .refresh) }
  /// 403: the caller lacks a role.
  public static func lackingRole(_ roles: [String]) -> Refusal { Refusal(.lackingRole(roles)) }
  /// 401: the challenge is unknown, used or expired, or belongs to another address.
  public static let unusableChallenge = Refusal(.unusableChallenge)
  /// 401: the wallet's signature doesn't prove its address.
  /// - Parameter detail: the scheme's text for the client.
  public static func unproven(_ detail: String) -> Refusal { Refusal(.unproven(detail)) }
  /// 401: the email or the password is wrong.
  public static let wrongPassword = Refusal(.wrongPassword)
  /// 403: the settings disable `/login`.
  public static let passwordLoginDisabled = Refusal(.passwordLoginDisabled)
  /// 401: the X-Fleet-Secret field is absent or wrong.
  public static let wrongFleetSecret = Refusal(.wrongFleetSecret)
  /// 403: a fleet session may not have that role.
  public static func roleNotAllowed(_ role: String) -> Refusal { Refusal(.roleNotAllowed(role)) }
}
