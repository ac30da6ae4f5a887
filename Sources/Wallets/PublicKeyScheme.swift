import Wire

/// A scheme whose requests carry the public key and a signature over the ASCII characters of the challenge.
/// The address is the public key in hex.
public protocol PublicKeyScheme: WalletScheme {
  /// Whether a key made a signature over a message. A malformed key or signature doesn't verify.
  func verifies(signature: [UInt8], of message: [UInt8], publicKey: [UInt8]) -> Bool

  /// Signs a message.
  /// - Parameter seed: 32 bytes.
  /// - Throws: ``WalletKeyError``, or the library's error, if no key can be made from the seed.
  func sign(_ message: [UInt8], seed: [UInt8]) throws -> [UInt8]
}

extension PublicKeyScheme {
  public func parse(_ members: WalletMembers) throws -> any WalletAttempt {
    try PublicKeyAttempt(members, scheme: self)
  }

  public func address(publicKey: [UInt8]) -> String { Hex.encode(publicKey) }

  public func signIn(
    _ key: WalletKey, answering challenge: WalletMembers
  ) throws -> [(name: String, value: String)] {
    let challenge = try challenge.text("challenge")
    return [
      ("address", key.address), ("public_key", Hex.encode(key.publicKey)),
      ("signature", Hex.encode(try sign(Array(challenge.utf8), seed: key.seed))), ("challenge", challenge),
    ]
  }
}

private struct PublicKeyAttempt: WalletAttempt {
  let address: String
  let challenge: String
  private let publicKey: [UInt8]
  private let signature: [UInt8]
  private let scheme: any PublicKeyScheme

  init(_ members: WalletMembers, scheme: any PublicKeyScheme) throws {
    self.scheme = scheme
    let texts = try ["address", "public_key", "signature", "challenge"].map(members.text)
    guard !texts.contains(where: \.isEmpty) else {
      throw WalletRefusal.invalidRequest("address, public_key, signature, and challenge required")
    }
    (address, challenge) = (texts[0], texts[3])
    publicKey = try members.bytes(hex: "public_key")
    signature = try members.bytes(hex: "signature")
  }

  func verify() throws(WalletRefusal) -> WalletIdentity {
    guard scheme.verifies(signature: signature, of: Array(challenge.utf8), publicKey: publicKey) else {
      throw .notProven("signature verification failed")
    }
    // The identity comes from the verified key, never from the client's claim.
    let subject = scheme.address(publicKey: publicKey)
    guard Hex.normalized(address).hasSameBytes(as: subject) else {
      throw .invalidRequest("address does not match verified public key")
    }
    return WalletIdentity(subject: subject)
  }
}
