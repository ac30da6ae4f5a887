import Wire

/// A scheme whose wallets sign a message that names the site.
protocol SiteMessageScheme: WalletScheme {
  var format: MessageFormat { get }

  /// Verifies what is the scheme's own: the chain, and the signature of the address.
  func prove(_ attempt: MessageAttempt, at site: WalletSite) throws(WalletRefusal) -> WalletIdentity
}

extension SiteMessageScheme {
  public var signsMessages: Bool { true }

  public func parse(_ members: WalletMembers) throws -> any WalletAttempt {
    try MessageAttempt(members, scheme: self)
  }
}

/// A sign-in with a message that names the site.
struct MessageAttempt: WalletAttempt {
  /// The address in the spelling to which the challenge is bound.
  let address: String
  let challenge: String
  /// The bytes that the client sent. They are verified, and never a message made from their parts.
  let bytes: [UInt8]
  let message: SignInMessage
  let signature: [UInt8]
  /// What the wallet says that it signed; empty if it doesn't say.
  let signedBytes: [UInt8]
  private let scheme: any SiteMessageScheme

  /// - Throws: ``WalletRefusal/invalidRequest(_:)``, and what `members` throws.
  init(_ members: WalletMembers, scheme: any SiteMessageScheme) throws {
    let texts = try ["address", "signature", "challenge", "message"].map(members.text)
    guard !texts.contains(where: \.isEmpty) else {
      throw WalletRefusal.invalidRequest("address, signature, challenge, and message required")
    }
    address = try scheme.binding(of: texts[0])
    challenge = texts[2]
    signature = try members.bytes(hex: "signature")
    signedBytes = try members.bytes(hex: "signed_message")
    bytes = Array(texts[3].utf8)
    do {
      message = try SignInMessage(bytes, format: scheme.format)
    } catch {
      throw WalletRefusal.invalidRequest("message is malformed: \(error.part)")
    }
    self.scheme = scheme
  }

  func verify(at site: WalletSite) throws(WalletRefusal) -> WalletIdentity {
    try checkSite(site)
    guard message.nonce.hasSameBytes(as: challenge) else { throw .notProven("message has another nonce") }
    guard message.statement != nil else { throw .notProven("message has no statement") }
    try checkTime(site)
    guard try scheme.binding(of: message.address).hasSameBytes(as: address) else {
      throw .invalidRequest("address does not match message")
    }
    return try scheme.prove(self, at: site)
  }

  private func checkSite(_ site: WalletSite) throws(WalletRefusal) {
    let origins = site.origins.filter { origin in
      origin.authority.hasSameBytes(as: message.domain)
        && message.scheme.map { $0.hasSameBytes(as: origin.scheme) } ?? true
    }
    guard !origins.isEmpty else { throw .notProven("message is for another domain") }
    let uri = URIGrammar.origin(ofURI: Array(message.uri.utf8)[...])
    guard let uri,
      origins.contains(where: {
        $0.scheme.utf8.elementsEqual(uri.scheme) && $0.authority.utf8.elementsEqual(uri.authority)
      })
    else { throw .notProven("message is for a URI of another site") }
  }

  private func checkTime(_ site: WalletSite) throws(WalletRefusal) {
    let now = site.clock.now
    guard message.issuedAt.seconds <= now else { throw .notProven("message was issued in the future") }
    // Messages of this server have whole seconds.
    guard message.issuedAt.seconds >= now.rounded(.down) - Double(site.lifetime) else {
      throw .notProven("message was issued too long ago")
    }
    if let end = message.expirationTime, now >= end.seconds { throw .notProven("message has expired") }
    if let begin = message.notBefore, now < begin.seconds { throw .notProven("message is not valid yet") }
  }
}

extension MessageRequest {
  /// Makes what writes the message for a challenge.
  /// - Throws: ``WalletRefusal`` if the page isn't of the site.
  func message(
    _ format: MessageFormat, address: String, chain: String, at site: WalletSite
  ) throws(WalletRefusal) -> (String) -> String {
    let origin = try origin()
    let now = site.clock.now
    return { challenge in
      SignInMessage(
        format: format, scheme: nil, domain: origin.authority, address: address, statement: site.statement,
        uri: origin.description, chain: chain, nonce: challenge,
        issuedAt: InternetDate(seconds: Int(now.rounded(.down))),
        expirationTime: InternetDate(seconds: Int(now.rounded(.up)) + site.lifetime), notBefore: nil,
        requestID: nil, resources: nil
      ).text
    }
  }
}
