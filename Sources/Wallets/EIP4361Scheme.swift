import Wire

/// Sign-In with Ethereum: EIP-4361, signed by `personal_sign` (EIP-191) with the key of an account. The seed is the
/// private scalar.
public struct EIP4361Scheme: SiteMessageScheme {
  public let name = "EIP-4361"
  let format = MessageFormat.ethereum

  public init() {}

  public func binding(of address: String) throws(WalletRefusal) -> String {
    try Self.account(address).text
  }

  public func message(
    _ request: MessageRequest, at site: WalletSite
  ) throws(WalletRefusal) -> ((String) -> String)? {
    let account = try Self.account(request.address)
    let chain = request.chain.isEmpty ? site.ethereumChains.first : Self.chain(request.chain, at: site)
    guard let chain else { throw .invalidRequest("chain_id is not in ethereum_chain_ids") }
    return try request.message(.ethereum, address: account.text, chain: chain, at: site)
  }

  func prove(_ attempt: MessageAttempt, at site: WalletSite) throws(WalletRefusal) -> WalletIdentity {
    guard let chain = Self.chain(attempt.message.chain, at: site) else {
      throw .notProven("message is for another chain")
    }
    let signer = try Self.signer(of: attempt.bytes, attempt.signature)
    guard signer.text.hasSameBytes(as: attempt.address) else {
      throw .notProven("signature verification failed")
    }
    return WalletIdentity(subject: signer.text, claims: [("chain", "eip155:\(chain)")])
  }

  public func publicKey(seed: [UInt8]) throws(WalletKeyError) -> [UInt8] {
    try Secp256k1Scheme().publicKey(seed: seed)
  }

  public func address(publicKey: [UInt8]) -> String {
    EthereumSignature.address(publicKey: publicKey)?.text ?? ""
  }

  public func signIn(
    _ key: WalletKey, answering challenge: WalletMembers
  ) throws -> [(name: String, value: String)] {
    let message = try challenge.text("message")
    let signature = try EthereumSignature.sign(Array(message.utf8), seed: key.seed)
    return [
      ("address", key.address), ("signature", "0x" + Hex.encode(signature)),
      ("challenge", try challenge.text("challenge")), ("message", message),
    ]
  }

  private static func account(_ address: String) throws(WalletRefusal) -> EthereumAddress {
    guard let account = EthereumAddress(address) else {
      throw .invalidRequest(
        "address must be 40 hex digits, with a right checksum (EIP-55) if their case is mixed")
    }
    return account
  }

  /// The number of an allowed chain, without leading zeros.
  private static func chain(_ number: String, at site: WalletSite) -> String? {
    let digits = number.drop { $0 == "0" }
    return site.ethereumChains.first { $0.hasSameBytes(as: digits) }
  }

  private static func signer(
    of message: [UInt8], _ signature: [UInt8]
  ) throws(WalletRefusal) -> EthereumAddress {
    // A contract's signature has any length, ERC-1271, and perhaps a suffix, ERC-6492. Only the chain can verify it.
    guard signature.count == EthereumSignature.size else {
      throw .invalidRequest("contract wallets are not supported")
    }
    do throws(EthereumSignature.Flaw) {
      return try EthereumSignature.signer(of: message, signature: signature)
    } catch {
      switch error {
      case .recoveryByte: throw .notProven("signature has a recovery byte other than 0, 1, 27 and 28")
      case .highS: throw .notProven("signature has a high s")
      case .noKey: throw .notProven("signature verification failed")
      }
    }
  }
}
