// Wallets: one scheme per way in which wallets sign in, their registry, and wallet keys with which people try
// it out. The module verifies signatures. It keeps no challenges, issues no tokens and knows no HTTP.

/// A way to sign in with a wallet: how a request is read, how it proves an address, and how a wallet makes
/// it.
///
/// A scheme is one file and one entry of ``WalletSchemes/all``. A scheme whose requests carry the public key
/// conforms to ``PublicKeyScheme``. What a scheme needs to know about the site (its origins, a clock, allowed
/// chains) comes as a ``WalletSite``.
public protocol WalletScheme: Sendable {
  /// The name on the wire: `algorithm` in requests, answers and tokens, and an entry of
  /// `supported_wallet_algorithms`.
  var name: String { get }

  /// The spelling of an address to which challenges are bound: one for all spellings of an address, and another for
  /// each other address. The default implementation returns the address, as the stores ignore `0x` and the case of
  /// letters.
  /// - Throws: ``WalletRefusal/invalidRequest(_:)`` if it is no address of the scheme.
  func binding(of address: String) throws(WalletRefusal) -> String

  /// Whether wallets always sign a message of the site, in place of a challenge. The default implementation returns
  /// false.
  var signsMessages: Bool { get }

  /// Prepares the text that a wallet signs. The default implementation returns nil.
  /// - Returns: what makes the text for a challenge; nil if the wallet signs the challenge itself.
  /// - Throws: ``WalletRefusal/invalidRequest(_:)``.
  func message(_ request: MessageRequest, at site: WalletSite) throws(WalletRefusal) -> ((String) -> String)?

  /// Reads the members of a sign-in, and verifies nothing. If an attempt can't be read, its challenge stays
  /// unused.
  /// - Throws: ``WalletRefusal``, and what `members` throws.
  func parse(_ members: WalletMembers) throws -> any WalletAttempt

  /// Makes the public key that belongs to a seed.
  /// - Parameter seed: 32 bytes.
  /// - Throws: ``WalletKeyError`` if no key can be made from the seed.
  func publicKey(seed: [UInt8]) throws(WalletKeyError) -> [UInt8]

  /// The address of a public key, in the spelling of ``WalletIdentity/subject``.
  func address(publicKey: [UInt8]) -> String

  /// Answers a challenge, as a wallet does.
  /// - Parameter challenge: the members of the answer to `POST /challenge`.
  /// - Returns: the members of the body of `POST /sign-in`, without `algorithm`.
  /// - Throws: what `challenge` or the key throws.
  func signIn(_ key: WalletKey, answering challenge: WalletMembers) throws -> [(name: String, value: String)]
}

extension WalletScheme {
  public func binding(of address: String) throws(WalletRefusal) -> String { address }

  public var signsMessages: Bool { false }

  public func message(
    _ request: MessageRequest, at site: WalletSite
  ) throws(WalletRefusal) -> ((String) -> String)? { nil }
}

/// A sign-in that has been read and isn't verified yet.
public protocol WalletAttempt: Sendable {
  /// The address that the challenge was made for, as ``WalletScheme/binding(of:)`` spells it.
  var address: String { get }
  /// The challenge that the wallet answers, wherever the request has it.
  var challenge: String { get }

  /// Verifies the signature, and what else the scheme requires. Call this after you have used up the
  /// challenge.
  /// - Throws: ``WalletRefusal``.
  func verify(at site: WalletSite) throws(WalletRefusal) -> WalletIdentity
}

/// Who signed in, according to the verified signature.
public struct WalletIdentity: Sendable {
  /// The address in its canonical spelling: `sub` and `wallet_address` of the tokens.
  public let subject: String
  /// Further claims of the access token.
  public let claims: [(name: String, value: String)]

  public init(subject: String, claims: [(name: String, value: String)] = []) {
    self.subject = subject
    self.claims = claims
  }
}

/// Why a sign-in is refused. The text is for the client.
public enum WalletRefusal: Error, Equatable {
  /// The request can't be valid with any signature. The answer has status 400.
  case invalidRequest(String)
  /// The signature doesn't prove the sign-in. The answer has status 401.
  case notProven(String)
}
