// Wallets: a scheme for each way in which wallets sign in, and wallet keys for people who try it out. Keeps no
// challenges, issues no tokens, knows no HTTP.

/// A way to sign in with a wallet: what it reads of a request, how that proves an address, and the same from the
/// wallet's side.
///
/// A scheme is one file of its own and one entry of ``WalletSchemes/all``. A scheme whose requests carry the public
/// key conforms to ``PublicKeyScheme``. What a scheme must know of the site (its name, a clock, allowed chains) is a
/// property of the scheme's value.
public protocol WalletScheme: Sendable {
  /// The name on the wire: `algorithm` of requests, answers and tokens, and in `supported_wallet_algorithms`.
  var name: String { get }

  /// Reads the members of a sign-in. Verifies nothing: an attempt that can't be read leaves its challenge unused.
  /// - Throws: ``WalletRefusal``; also whatever `members` throws.
  func parse(_ members: WalletMembers) throws -> any WalletAttempt

  /// Makes the public key of a wallet, for ``WalletKey``.
  /// - Parameter seed: 32 bytes.
  /// - Throws: ``WalletKeyError`` where no key can be made from the seed.
  func publicKey(seed: [UInt8]) throws(WalletKeyError) -> [UInt8]

  /// The address of a public key, as ``WalletIdentity/subject`` spells it.
  func address(publicKey: [UInt8]) -> String

  /// Signs in as a wallet does.
  /// - Parameter challenge: the members of the answer to `POST /challenge`.
  /// - Returns: the members of a sign-in's body, without `algorithm`.
  func signIn(_ key: WalletKey, answering challenge: WalletMembers) throws -> [(name: String, value: String)]
}

/// A sign-in that could be read, and isn't verified yet.
public protocol WalletAttempt: Sendable {
  /// The address that the challenge was made for, as the client spells it.
  var address: String { get }
  /// The challenge that the wallet answers, wherever in the request it stands.
  var challenge: String { get }

  /// Verifies the signature and whatever else the scheme asks for. Call it after the challenge is used up.
  /// - Throws: ``WalletRefusal``.
  func verify() throws(WalletRefusal) -> WalletIdentity
}

/// Who signed in, as the verified signature tells it.
public struct WalletIdentity: Sendable {
  /// The address in its one spelling: `sub` and `wallet_address` of the tokens.
  public let subject: String
  /// Further claims of the access token.
  public let claims: [(name: String, value: String)]

  public init(subject: String, claims: [(name: String, value: String)] = []) {
    self.subject = subject
    self.claims = claims
  }
}

/// Why a sign-in is refused, in words for the client.
public enum WalletRefusal: Error, Equatable {
  /// The request can't be right, whoever signed: 400.
  case invalidRequest(String)
  /// The signature doesn't prove the sign-in: 401.
  case notProven(String)
}
