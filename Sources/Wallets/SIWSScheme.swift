import Wire

/// Sign-In with Solana: a message like EIP-4361's, signed with Ed25519 as it is or in an ``OffchainMessage``. The address
/// is the public key in base58.
public struct SIWSScheme: SiteMessageScheme {
  public let name = "SIWS"
  let format = MessageFormat.solana

  private static let signer = Ed25519Scheme()

  public init() {}

  /// The key in hex, as the case of base58's letters matters, and the stores ignore it. The prefix keeps challenges
  /// apart from those of ``Ed25519Scheme``.
  public func binding(of address: String) throws(WalletRefusal) -> String {
    "solana:" + Hex.encode(try Self.key(address))
  }

  public func message(
    _ request: MessageRequest, at site: WalletSite
  ) throws(WalletRefusal) -> ((String) -> String)? {
    _ = try Self.key(request.address)
    guard let chain = request.chain.isEmpty ? .mainnet : SolanaChain(request.chain) else {
      throw .invalidRequest("chain_id must be mainnet, testnet or devnet")
    }
    return try request.message(.solana, address: request.address, chain: chain.rawValue, at: site)
  }

  func prove(_ attempt: MessageAttempt, at site: WalletSite) throws(WalletRefusal) -> WalletIdentity {
    guard let chain = SolanaChain(attempt.message.chain) else {
      throw .notProven("message is for another chain")
    }
    let key = try Self.key(attempt.message.address)
    let texts = try Self.signedTexts(attempt, key: key)
    guard
      texts.contains(where: { Self.signer.verifies(signature: attempt.signature, of: $0, publicKey: key) })
    else {
      throw .notProven("signature verification failed")
    }
    if site.isStrict, let objection = Self.signer.objection(to: key) { throw .invalidRequest(objection) }
    return WalletIdentity(subject: attempt.message.address, claims: [("chain", "solana:\(chain.rawValue)")])
  }

  /// The bytes that the signature may be over.
  private static func signedTexts(
    _ attempt: MessageAttempt, key: [UInt8]
  ) throws(WalletRefusal) -> [[UInt8]] {
    let signed = attempt.signedBytes
    guard !signed.isEmpty, signed != attempt.bytes else {
      // A wallet that says what it signed is taken at its word.
      let envelopes = OffchainMessage.candidates(text: attempt.bytes, signer: key)
      return [attempt.bytes] + (signed.isEmpty ? envelopes : [])
    }
    let envelope: OffchainMessage
    do throws(OffchainMessage.Malformed) {
      envelope = try OffchainMessage(signed)
    } catch {
      throw .notProven("signed_message is malformed: \(error.reason)")
    }
    guard envelope.signers.map({ $0 == [key] }) ?? true else {
      throw .notProven("signed_message has other signers than address")
    }
    guard envelope.text == attempt.bytes else {
      throw .notProven("signed_message has another text than message")
    }
    return [signed]
  }

  public func publicKey(seed: [UInt8]) throws(WalletKeyError) -> [UInt8] {
    try Self.signer.publicKey(seed: seed)
  }

  public func address(publicKey: [UInt8]) -> String { Base58.encode(publicKey) }

  public func signIn(
    _ key: WalletKey, answering challenge: WalletMembers
  ) throws -> [(name: String, value: String)] {
    let message = try challenge.text("message")
    return [
      ("address", key.address),
      ("signature", Hex.encode(try Self.signer.sign(Array(message.utf8), seed: key.seed))),
      ("challenge", try challenge.text("challenge")), ("message", message),
    ]
  }

  private static func key(_ address: String) throws(WalletRefusal) -> [UInt8] {
    guard let key = Base58.decodeKey(address) else {
      throw .invalidRequest("address must be 32 bytes in base58")
    }
    return key
  }
}

/// The chains of Solana on which accounts have owners.
enum SolanaChain: String {
  case mainnet, testnet, devnet

  /// Reads the name, alone or behind `solana:`, as the Wallet Standard writes it.
  init?(_ text: String) {
    let name = text.hasPrefix("solana:") ? String(text.utf8.dropFirst(7)) ?? "" : text
    guard let chain = SolanaChain(rawValue: name) else { return nil }
    self = chain
  }
}
