import Wire

/// A scheme whose requests carry the public key and a signature over the ASCII characters of the challenge, or over
/// the site's origin, a line feed and the challenge. The address is the public key in hex.
public protocol PublicKeyScheme: WalletScheme {
  /// Whether a key made a signature over a message. A malformed key or signature doesn't verify.
  func verifies(signature: [UInt8], of message: [UInt8], publicKey: [UInt8]) -> Bool

  /// Why strict sites refuse a key that verified a signature: its owner could sign in under a second address. Nil if
  /// they don't. The default implementation returns nil.
  func objection(to publicKey: [UInt8]) -> String?

  /// Signs a message.
  /// - Parameter seed: 32 bytes.
  /// - Throws: ``WalletKeyError``, or the library's error, if no key can be made from the seed.
  func sign(_ message: [UInt8], seed: [UInt8]) throws -> [UInt8]
}

extension PublicKeyScheme {
  public func objection(to publicKey: [UInt8]) -> String? { nil }

  public func message(
    _ request: MessageRequest, at site: WalletSite
  ) throws(WalletRefusal) -> ((String) -> String)? {
    guard site.bindsChallenges else { return nil }
    let origin = try request.origin()
    return { bound($0, to: origin) }
  }

  public func parse(_ members: WalletMembers) throws -> any WalletAttempt {
    try PublicKeyAttempt(members, scheme: self)
  }

  public func address(publicKey: [UInt8]) -> String { Hex.encode(publicKey) }

  public func signIn(
    _ key: WalletKey, answering challenge: WalletMembers
  ) throws -> [(name: String, value: String)] {
    let (challenge, message) = (try challenge.text("challenge"), try challenge.text("message"))
    let signed = message.isEmpty ? challenge : message
    return [
      ("address", key.address), ("public_key", Hex.encode(key.publicKey)),
      ("signature", Hex.encode(try sign(Array(signed.utf8), seed: key.seed))), ("challenge", challenge),
    ]
  }

  fileprivate func bound(_ challenge: String, to origin: WebOrigin) -> String { "\(origin)\n\(challenge)" }
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

  func verify(at site: WalletSite) throws(WalletRefusal) -> WalletIdentity {
    let messages = site.bindsChallenges ? site.origins.map { scheme.bound(challenge, to: $0) } : [challenge]
    guard
      messages.contains(where: {
        scheme.verifies(signature: signature, of: Array($0.utf8), publicKey: publicKey)
      })
    else { throw .notProven("signature verification failed") }
    // The identity comes from the verified key, never from the client's claim.
    let subject = scheme.address(publicKey: publicKey)
    guard Hex.normalized(address).hasSameBytes(as: subject) else {
      throw .invalidRequest("address does not match verified public key")
    }
    if site.isStrict, let objection = scheme.objection(to: publicKey) { throw .invalidRequest(objection) }
    return WalletIdentity(subject: subject)
  }
}
