import POSIX
import Wire

/// What a sign-in depends on besides the request: for which sites, by which rules, and when.
public struct WalletSite: Sendable {
  /// The origins of the pages on which people sign in. The first one is meant if a request names none.
  public var origins: [WebOrigin]
  /// The statement of messages that are made here: ``isStatement(_:)``.
  public var statement: String
  /// The decimal numbers of the chains for which Ethereum accounts may sign in. The first one is meant if a request
  /// names none. EIP-155.
  public var ethereumChains: [String]
  /// How long after its making a message is valid. Seconds.
  public var lifetime: Int
  /// Whether keys that can be spelled in several ways are refused.
  public var isStrict: Bool
  /// Whether the schemes that sign a bare challenge sign the site's origin with it.
  public var bindsChallenges: Bool
  public var clock: Clock

  public init(
    origins: [WebOrigin] = [], statement: String = "", ethereumChains: [String] = ["1"], lifetime: Int,
    isStrict: Bool = true, bindsChallenges: Bool = false, clock: Clock
  ) {
    self.origins = origins
    self.statement = statement
    self.ethereumChains = ethereumChains
    self.lifetime = lifetime
    self.isStrict = isStrict
    self.bindsChallenges = bindsChallenges
    self.clock = clock
  }
}

extension WalletSite {
  /// Whether a text can be ``statement``: one line of characters that URIs have, and spaces.
  /// The whole message must fit into the body of a sign-in, so it has 1024 characters at most.
  public static func isStatement(_ text: String) -> Bool {
    text.utf8.count <= 1024 && SignInMessage.isStatement(text.utf8)
  }

  /// Whether a text can be the number of a chain: decimal digits without leading zeros, of at most 64 bits.
  public static func isEthereumChain(_ text: String) -> Bool {
    guard let number = UInt64(text), number > 0 else { return false }
    return "\(number)".hasSameBytes(as: text)
  }
}

/// What a message is asked for.
public struct MessageRequest {
  /// The address, as the client spells it.
  public let address: String
  /// The chain that the client asks for; empty for the default.
  public let chain: String
  /// Finds the origin of the page that asks, which is one of ``WalletSite/origins``.
  public let origin: () throws(WalletRefusal) -> WebOrigin

  public init(
    address: String, chain: String = "", origin: @escaping () throws(WalletRefusal) -> WebOrigin
  ) {
    self.address = address
    self.chain = chain
    self.origin = origin
  }
}
