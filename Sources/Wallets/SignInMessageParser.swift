/// The part of a message that breaks its format's grammar.
struct MessageError: Error, Equatable {
  let part: String
}

extension SignInMessage {
  /// Reads a message by the grammar of its format, and accepts nothing else. Works on bytes: a letter with an accent is
  /// one character to Swift, and none of the grammar's.
  /// - Throws: ``MessageError``.
  init(_ text: [UInt8], format: MessageFormat) throws(MessageError) {
    var lines = Lines(rest: text[...])
    self.format = format
    var head = try lines.next("domain")
    let introduction = Array(format.introduction.utf8)
    guard head.count > introduction.count, head.suffix(introduction.count).elementsEqual(introduction) else {
      throw MessageError(part: "domain")
    }
    head = head.dropLast(introduction.count)
    scheme = nil
    if format.allowsScheme, let mark = Self.schemeMark(in: head) {
      scheme = try Self.text(head[..<mark], "scheme", URIGrammar.isScheme)
      head = head[(mark + 3)...]
    }
    domain = try Self.text(head, "domain") { !$0.isEmpty && URIGrammar.isAuthority($0) }
    address = String(decoding: try lines.next("address"), as: UTF8.self)
    guard format.isAddress(address) else { throw MessageError(part: "address") }
    statement = try lines.statement(format)
    uri = try lines.field("URI", URIGrammar.isURI)
    _ = try lines.field("Version") { $0.elementsEqual(SignInMessage.version.utf8) }
    chain = try lines.field("Chain ID", format.isChain)
    nonce = try lines.field("Nonce") { nonce in
      nonce.count >= 8 && nonce.allSatisfy { URIGrammar.isLetter($0) || URIGrammar.isDigit($0) }
    }
    issuedAt = try lines.date("Issued At")
    expirationTime = lines.has("Expiration Time") ? try lines.date("Expiration Time") : nil
    notBefore = lines.has("Not Before") ? try lines.date("Not Before") : nil
    requestID = lines.has("Request ID") ? try lines.field("Request ID", URIGrammar.isSegment) : nil
    resources = try lines.resources()
    guard lines.isAtEnd else { throw MessageError(part: "end") }
  }

  /// The position of `://`, if it ends a scheme. No authority contains it.
  private static func schemeMark(in head: ArraySlice<UInt8>) -> Int? {
    guard let colon = head.firstIndex(of: UInt8(ascii: ":")), head[colon...].starts(with: "://".utf8) else {
      return nil
    }
    return colon
  }

  fileprivate static func text(
    _ bytes: ArraySlice<UInt8>, _ part: String, _ isValid: (ArraySlice<UInt8>) -> Bool
  ) throws(MessageError) -> String {
    guard isValid(bytes) else { throw MessageError(part: part) }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// The lines of a message, which line feeds separate.
private struct Lines {
  /// What hasn't been read; nil after the last line.
  private var rest: ArraySlice<UInt8>?

  init(rest: ArraySlice<UInt8>) { self.rest = rest }

  var isAtEnd: Bool { rest == nil }

  private static let lineFeed = UInt8(ascii: "\n")

  mutating func next(_ part: String) throws(MessageError) -> ArraySlice<UInt8> {
    guard let text = rest else { throw MessageError(part: part) }
    guard let end = text.firstIndex(of: Self.lineFeed) else {
      rest = nil
      return text
    }
    rest = text[(end + 1)...]
    return text[..<end]
  }

  private mutating func emptyLine() throws(MessageError) {
    guard try next("statement").isEmpty else { throw MessageError(part: "statement") }
  }

  /// Reads from behind the address to before the URI.
  mutating func statement(_ format: MessageFormat) throws(MessageError) -> String? {
    try emptyLine()
    if format.withoutStatement.isEmpty, has("URI") {
      // A statement may look like a URI field. It is one if an empty line follows.
      var ahead = self
      _ = try ahead.next("URI")
      guard ahead.rest?.first == Self.lineFeed else { return nil }
    }
    let line = try next("statement")
    if line.isEmpty, !format.withoutStatement.isEmpty { return nil }
    let statement = try SignInMessage.text(line, "statement") { SignInMessage.isStatement($0) }
    try emptyLine()
    return statement
  }

  /// Whether the next line is a field with this name.
  func has(_ name: String) -> Bool {
    guard let rest else { return false }
    return rest.starts(with: name.utf8) && rest.dropFirst(name.utf8.count).starts(with: ": ".utf8)
  }

  mutating func field(
    _ name: String, _ isValid: (ArraySlice<UInt8>) -> Bool
  ) throws(MessageError) -> String {
    guard has(name) else { throw MessageError(part: name) }
    return try SignInMessage.text(try next(name).dropFirst(name.utf8.count + 2), name, isValid)
  }

  mutating func date(_ name: String) throws(MessageError) -> InternetDate {
    guard has(name), let date = InternetDate(try next(name).dropFirst(name.utf8.count + 2)) else {
      throw MessageError(part: name)
    }
    return date
  }

  mutating func resources() throws(MessageError) -> [String]? {
    guard !isAtEnd else { return nil }
    guard try next("Resources").elementsEqual("Resources:".utf8) else {
      throw MessageError(part: "Resources")
    }
    var resources: [String] = []
    while !isAtEnd {
      let line = try next("Resources")
      guard line.starts(with: "- ".utf8) else { throw MessageError(part: "Resources") }
      resources.append(try SignInMessage.text(line.dropFirst(2), "Resources", URIGrammar.isURI))
    }
    return resources
  }
}
