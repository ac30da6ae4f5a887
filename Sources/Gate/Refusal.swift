import Tokens

/// Why somebody isn't let in, or isn't let through: every 401 and 403 that this program answers begins as one.
///
/// `RefusalAnswer.swift` turns it into an answer.
public struct Refusal: Error, Sendable {
  enum Reason: Sendable {
    // The credential.
    case missing
    case malformed
    case expired
    case revoked(tokenID: String)
    case invalid(String)
    case wrongKind
    case subjectMissing
    case foreignOrigin

    // The policy.
    case lackingRole([String])
    case lackingGroup([String])
    case lackingScope([String])
    case lackingAudience([String])
    case unclearRequirement

    // Signing in.
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
  /// The roles and scopes that would do, where any are required.
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

  /// The same, which tells the client as well which roles and scopes would do.
  func naming(_ scope: [String]) -> Refusal {
    self.scope.isEmpty ? Refusal(reason, kind, scope: scope) : self
  }
}

extension Refusal {
  /// A page of another site may have caused the request.
  public static let foreignOrigin = Refusal(.foreignOrigin)
  /// The web server's configuration requires something that isn't clear.
  public static let unclearRequirement = Refusal(.unclearRequirement)
  /// A token without a `sub`.
  public static let subjectMissing = Refusal(.subjectMissing)
  /// A challenge that is unknown, used, expired, or another address's.
  public static let unusableChallenge = Refusal(.unusableChallenge)
  /// A wallet that doesn't prove its address.
  /// - Parameter detail: what its scheme has to say of that.
  public static func unproven(_ detail: String) -> Refusal { Refusal(.unproven(detail)) }
  /// An email or a password that is wrong.
  public static let wrongPassword = Refusal(.wrongPassword)
  public static let passwordLoginDisabled = Refusal(.passwordLoginDisabled)
  public static let wrongFleetSecret = Refusal(.wrongFleetSecret)
  /// A role that no fleet session may have.
  public static func roleNotAllowed(_ role: String) -> Refusal { Refusal(.roleNotAllowed(role)) }
}
