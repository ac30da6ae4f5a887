import Stores

/// Knows who may sign in, as of now.
public protocol SubjectDirectory: Sendable {
  /// What the subject of a session is now.
  /// - Returns: nil if the subject may no longer sign in this way, or not with this credential or role.
  func standing(of start: SessionStart) -> Standing?

  /// Whether a refresh token without a session may be exchanged.
  func allowsRefresh(of subject: String, role: String) -> Bool

  /// Identifies the credential that a subject with a role signs in with now: see ``SessionStart/credential``.
  func credential(of subject: String, role: String) -> [UInt8]
}

/// What a subject is now.
public struct Standing: Sendable, Equatable {
  /// `role`.
  public var role: String
  /// `groups`.
  public var groups: [String]
  /// `scope`.
  public var scopes: [String]

  public init(role: String, groups: [String] = [], scopes: [String] = []) {
    self.role = role
    self.groups = groups
    self.scopes = scopes
  }
}
