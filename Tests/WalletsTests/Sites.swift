import POSIX
import TestSupport
import Testing
import Wallets

extension WalletSite {
  /// A site whose clock shows a moment. By default it is `https://example.org`.
  static func example(_ origins: String..., at seconds: Double = 1_700_000_000, lifetime: Int = 60)
    -> WalletSite
  {
    WalletSite(
      origins: (origins.isEmpty ? ["https://example.org"] : origins).compactMap { WebOrigin($0) },
      statement: "Sign in.", ethereumChains: ["1", "10"], lifetime: lifetime, clock: Clock { seconds })
  }

  /// The members of the answer to `POST /challenge`.
  func answer(_ key: WalletKey, _ challenge: String, chain: String = "") throws -> [String: String] {
    let request = MessageRequest(address: key.address, chain: chain) { () throws(WalletRefusal) in
      guard let origin = origins.first else { throw .invalidRequest("no site") }
      return origin
    }
    let message = try key.scheme.message(request, at: self)
    return ["challenge": challenge, "message": message?(challenge) ?? ""]
  }
}

extension WalletScheme {
  /// Verifies the members of a sign-in.
  func verify(_ members: [String: String], at site: WalletSite) throws -> WalletIdentity {
    try attempt(members).verify(at: site)
  }

  func attempt(_ members: [String: String]) throws -> any WalletAttempt {
    try parse(WalletMembers { members[$0] ?? "" })
  }
}

extension WalletKey {
  /// The members of a sign-in for a challenge's answer.
  func signIn(_ answer: [String: String]) throws -> [String: String] {
    let members = try signIn(answering: WalletMembers { answer[$0] ?? "" })
    return Dictionary(members.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
  }
}
