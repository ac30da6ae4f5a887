import Crypto
import POSIX
import Sessions
import Stores
import Wire

/// Who may sign in, by the settings: any wallet of an enabled algorithm, and the operator.
struct ConfiguredSubjects: SubjectDirectory {
  private let isLoginEnabled: Bool
  private let email: String
  private let role: String
  private let algorithms: [String]
  /// Identifies the operator's password, so that its change ends the operator's sessions. 8 bytes.
  let credential: [UInt8]

  init(_ settings: Settings) {
    isLoginEnabled = settings.allowsPasswordLogin
    email = settings.adminEmail
    role = settings.adminRole
    algorithms = settings.walletAlgorithms
    credential = Self.credential(settings)
  }

  /// A digest of the password's hash, which has a salt. A digest of the password itself would let a reader of the
  /// sessions try passwords, so only two bytes of it are kept.
  private static func credential(_ settings: Settings) -> [UInt8] {
    let hash = settings.adminPasswordHash
    let digest = SHA256.hash(data: Array((hash.isEmpty ? settings.adminPassword : hash).utf8))
    return Array(digest.prefix(hash.isEmpty ? 2 : 8)) + [UInt8](repeating: 0, count: hash.isEmpty ? 6 : 0)
  }

  func standing(of start: SessionStart) -> Standing? {
    switch start.method {
    case SignIn.password:
      guard isOperator(start.subject, start.role), start.credential == credential else { return nil }
      return Standing(role: role)
    case SignIn.adopted:
      guard allowsRefresh(of: start.subject, role: start.role),
        start.credential == credential(of: start.subject, role: start.role)
      else { return nil }
      return Standing(role: start.role)
    default: return algorithms.containsBytes(of: start.method) ? Standing(role: start.role) : nil
    }
  }

  func allowsRefresh(of subject: String, role: String) -> Bool {
    let isOperators = ["operator", self.role].containsBytes(of: role) || subject.hasSameBytes(as: email)
    return !isOperators || isOperator(subject, role)
  }

  func credential(of subject: String, role: String) -> [UInt8] {
    isOperator(subject, role) ? credential : []
  }

  private func isOperator(_ subject: String, _ role: String) -> Bool {
    isLoginEnabled && subject.hasSameBytes(as: email) && role.hasSameBytes(as: self.role)
  }
}

extension Settings {
  /// The live sessions of a store, by these settings.
  public func liveSessions(_ stores: StoreSet, clock: Clock) -> LiveSessions {
    LiveSessions(
      store: stores.sessions, directory: ConfiguredSubjects(self), idleSeconds: sessionLimits.idleSeconds,
      clock: clock)
  }
}
