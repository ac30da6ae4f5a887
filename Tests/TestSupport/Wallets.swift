import Wallets
import Wire

extension WalletKey {
  /// The body of a sign-in for the answer to a request for a challenge.
  /// - Parameter changes: members to replace, or to leave out where the value is nil.
  public func signIn(_ answer: WalletMembers, changing changes: [String: String?] = [:]) throws -> String {
    var members = try signIn(answering: answer)
    for (name, value) in changes {
      members.removeAll { $0.0 == name }
      if let value { members.append((name, value)) }
    }
    var body = JSONObjectWriter()
    for (name, value) in members { body.add(name, value) }
    return String(decoding: body.finish(), as: UTF8.self)
  }

  /// The body of a sign-in for a challenge that is signed alone.
  public func signIn(_ challenge: String, changing changes: [String: String?] = [:]) throws -> String {
    try signIn(WalletMembers { $0 == "challenge" ? challenge : "" }, changing: changes)
  }
}
