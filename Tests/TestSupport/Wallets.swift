import Wallets
import Wire

extension WalletKey {
  /// The body of a sign-in for a challenge.
  /// - Parameter changes: members to replace, or to leave out where the value is nil.
  public func signIn(_ challenge: String, changing changes: [String: String?] = [:]) throws -> String {
    var members = try signIn(answering: WalletMembers { $0 == "challenge" ? challenge : "" })
    for (name, value) in changes {
      members.removeAll { $0.0 == name }
      if let value { members.append((name, value)) }
    }
    var body = JSONObjectWriter()
    for (name, value) in members { body.add(name, value) }
    return String(decoding: body.finish(), as: UTF8.self)
  }
}
