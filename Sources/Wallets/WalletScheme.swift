// Wallets: one scheme per way in which wallets sign in, their registry, and wallet keys with which people try
// it out. The module verifies signatures. It keeps no challenges, issues no tokens and knows no HTTP.

/// A way to sign in with a wallet: how a request is read, how it proves an address, and how a wallet makes
/// it.
///
/// A scheme is one file and one entry of ``WalletSchemes/all``. A scheme whose requests carry the public key
/// conforms to ``PublicKeyScheme``. What a scheme needs to know about the site (its name, a clock, allowed
/// chains) is a property of its value.
public protocol WalletScheme: Sendable {
  /// The name on the wire: `algorithm` in requests, answers and tokens, and an entry of
  /// `supported_wallet_algorithms`.
  var name: String { get }

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

/// A sign-in that has been read and isn't verified yet.
public protocol WalletAttempt: Sendable {
  /// The address that the challenge was made for, as the client spells it.
  var address: String { get }
  /// The challenge that the wallet answers, wherever the request has it.
  var challenge: String { get }

  /// Verifies the signature, and what else the scheme requires. Call this after you have used up the
  /// challenge.
  /// - Throws: ``WalletRefusal``.
  func verify() throws(WalletRefusal) -> WalletIdentity
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
