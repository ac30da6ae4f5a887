import Logging
import POSIX
import Sessions
import Stores
import Wire

/// Ends what an operator has when the settings change: another password, email or role, or no login.
///
/// The gate compares each session with the settings anyway. But only a record on the disk ends sessions for good: the
/// old settings may come back, and tokens without a session tell nothing of a password. So the last settings' operator is
/// noted in `operator.json`, and each process compares the note with its settings when it starts.
public struct OperatorChange: Sendable {
  private let path: String
  private let now: Note
  private let ends: SessionEnds
  private let logger: Logger

  public init(settings: Settings, stores: StoreSet, clock: Clock, logger: Logger) {
    path = settings.stateFolder + "/operator.json"
    now = Note(settings)
    ends = SessionEnds(
      store: stores.sessions, revocations: stores.revocations, mints: stores.mints, clock: clock)
    self.logger = logger
  }

  /// The operator of some settings; empty texts if they enable no login.
  private struct Note: Equatable {
    let email: String
    let role: String
    /// Hex digits of ``ConfiguredSubjects/credential``.
    let credential: String

    init(_ settings: Settings) {
      let isEnabled = settings.allowsPasswordLogin
      email = isEnabled ? settings.adminEmail : ""
      role = isEnabled ? settings.adminRole : ""
      credential = isEnabled ? Hex.encode(ConfiguredSubjects(settings).credential) : ""
    }

    init?(_ bytes: [UInt8]) {
      guard let object = try? JSONObject(parsing: bytes), let email = object["email"]?.string,
        let role = object["role"]?.string, let credential = object["credential"]?.string
      else { return nil }
      (self.email, self.role, self.credential) = (email, role, credential)
    }

    var json: [UInt8] {
      var object = JSONObjectWriter()
      object.add("email", email)
      object.add("role", role)
      object.add("credential", credential)
      return object.finish()
    }

    static func == (one: Note, other: Note) -> Bool {
      one.email.hasSameBytes(as: other.email) && one.role.hasSameBytes(as: other.role)
        && one.credential.hasSameBytes(as: other.credential)
    }
  }

  /// Ends the sessions and tokens of the operator before, if the settings have changed. A process that fails leaves the
  /// note as it is, so that the next one tries again.
  public func apply() {
    do {
      let exists = try FileStatus.ofFile(at: path) != nil
      let before = exists ? Note(try Files.read(path, limit: 65536)) : nil
      if before == now { return }
      // A damaged note doesn't tell whose they are.
      if exists, case let email = (before ?? now).email, !email.isEmpty {
        let outcome = try ends.end(subject: email, reason: "operator changed", by: SessionEnds.server)
        logger.notice(
          "operator changed",
          metadata: ["sessions": "\(outcome.sessions)", "tokens": "\(outcome.tokens)"])
      }
      try write()
    } catch {
      logger.error("the operator's earlier sessions can't be ended", metadata: ["reason": "\(error)"])
    }
  }

  private func write() throws {
    let draft = "\(path).\(UInt32.random(in: 0 ... .max)).new"
    guard try Files.createWhole(draft, now.json) else { return }
    try Files.rename(draft, to: path)
    try Files.synchronizeFolder(of: path)
  }
}
