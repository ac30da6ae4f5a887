/// A message with which a wallet signs in, in one of two formats that share their fields: EIP-4361, and Sign-In with
/// Solana, which is derived from it.
struct SignInMessage: Equatable {
  var format: MessageFormat
  /// The scheme before the domain. EIP-4361 only.
  var scheme: String?
  /// The authority of the site, RFC 3986, section 3.2.
  var domain: String
  /// The account, in the chain's spelling.
  var address: String
  var statement: String?
  var uri: String
  /// Ethereum: decimal digits. Solana: a name.
  var chain: String
  var nonce: String
  var issuedAt: InternetDate
  var expirationTime: InternetDate?
  var notBefore: InternetDate?
  var requestID: String?
  /// Nil if the message has no such field. An empty list is a field without entries.
  var resources: [String]?

  /// The only version.
  static let version = "1"

  /// The text that the wallet signs.
  var text: String {
    var text = scheme.map { "\($0)://" } ?? ""
    text += "\(domain)\(format.introduction)\n\(address)\n\n"
    if let statement { text += "\(statement)\n\n" } else { text += format.withoutStatement }
    text +=
      "URI: \(uri)\nVersion: \(Self.version)\nChain ID: \(chain)\nNonce: \(nonce)\nIssued At: \(issuedAt.text)"
    if let expirationTime { text += "\nExpiration Time: \(expirationTime.text)" }
    if let notBefore { text += "\nNot Before: \(notBefore.text)" }
    if let requestID { text += "\nRequest ID: \(requestID)" }
    if let resources { text += "\nResources:" + resources.map { "\n- \($0)" }.joined() }
    return text
  }

  /// Whether a text can be a statement: characters of URIs and spaces. A line feed isn't among them, so a statement
  /// can't pose as a field.
  static func isStatement(_ text: some Sequence<UInt8>) -> Bool {
    var isEmpty = true
    for byte in text {
      guard URIGrammar.isReservedOrUnreserved(byte) || byte == UInt8(ascii: " ") else { return false }
      isEmpty = false
    }
    return !isEmpty
  }
}

/// How the formats differ.
enum MessageFormat: Equatable {
  /// EIP-4361, version 1.
  case ethereum
  /// Sign-In with Solana, by Phantom. All fields are required here that EIP-4361 requires.
  case solana

  /// What follows the domain in the first line.
  var introduction: String {
    switch self {
    case .ethereum: " wants you to sign in with your Ethereum account:"
    case .solana: " wants you to sign in with your Solana account:"
    }
  }

  /// What stands in place of a missing statement. EIP-4361 keeps its line feed, so that two empty lines follow the
  /// address.
  var withoutStatement: String { self == .ethereum ? "\n" : "" }

  /// Whether a scheme may stand before the domain.
  var allowsScheme: Bool { self == .ethereum }

  func isAddress(_ text: String) -> Bool {
    switch self {
    case .ethereum: EthereumAddress(checksummed: text) != nil
    case .solana: Base58.decodeKey(text) != nil
    }
  }

  func isChain(_ text: ArraySlice<UInt8>) -> Bool {
    switch self {
    case .ethereum: !text.isEmpty && text.allSatisfy(URIGrammar.isDigit)
    case .solana: SolanaChain(String(decoding: text, as: UTF8.self)) != nil
    }
  }
}
