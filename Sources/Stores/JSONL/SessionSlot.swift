import Wire

/// One session in a file: a sector with fields at fixed offsets. There is no JSON in it, because the gate
/// reads one for each request.
struct SessionSlot {
  private enum Flag {
    static let tokens: UInt8 = 1
    static let earlierAccess: UInt8 = 2
    static let refresh: UInt8 = 4
    static let retired: UInt8 = 8
    static let cookie: UInt8 = 16
    static let ended: UInt8 = 32
    static let credential: UInt8 = 64
    /// The subject stands in the table of subjects, because it is too long for the slot.
    static let longSubject: UInt8 = 128
  }

  // Offsets. Bytes.
  private static let version = 4
  private static let flags = 5
  private static let random = 8
  private static let created = 24
  private static let expires = 32
  private static let used = 40
  private static let ended = 48
  private static let generation = 56
  private static let accessID = 64
  private static let earlierAccessID = 80
  private static let refreshID = 96
  private static let retiredID = 112
  private static let issued = 128
  private static let accessExpiry = 136
  private static let refreshExpiry = 144
  private static let retired = 152
  private static let cookie = 160
  private static let credential = 192
  private static let subjectHash = 200
  private static let earlier = 232
  private static let endReason = 240
  private static let longestEndReason = 39
  /// Role, method, address, claims, subject and User-Agent, each behind its length.
  private static let texts = 280

  private(set) var sector: Sector

  /// Nil if the sector isn't a session.
  init?(_ sector: Sector) {
    guard sector[byte: Self.version] == 1 else { return nil }
    self.sector = sector
  }

  /// The slot of a session that begins.
  /// - Parameters:
  ///   - createdAt: milliseconds since 1970.
  ///   - now: seconds since 1970.
  ///   - earlier: the index of the subject's session before.
  /// - Throws: ``StoreError`` if a text is longer than the protocol allows.
  init(
    _ start: SessionStart, tokens: SessionTokens?, random: [UInt8], subjectHash: [UInt8], createdAt: Int,
    now: Int, earlier: Int?
  ) throws {
    sector = Sector()
    sector[byte: Self.version] = 1
    sector[Self.random..<Self.random + SessionPosition.randomSize] = random
    sector[integer: Self.created] = createdAt
    sector[integer: Self.expires] = start.expiresAt
    sector[Self.subjectHash..<Self.subjectHash + 32] = subjectHash
    if let cookie = start.cookieDigest {
      try put(cookie, at: Self.cookie, size: 32, Flag.cookie)
    }
    if !start.credential.isEmpty { try put(start.credential, at: Self.credential, size: 8, Flag.credential) }
    self.earlier = earlier
    lastUsedAt = now
    if let tokens { try issue(tokens) }
    try putTexts(start)
  }

  private mutating func put(_ bytes: [UInt8], at offset: Int, size: Int, _ flag: UInt8) throws {
    guard bytes.count == size else {
      throw StoreError("a digest of \(bytes.count) bytes doesn't fit a session, which has \(size) for it")
    }
    sector[offset..<offset + size] = bytes
    set(flag, true)
  }

  private mutating func putTexts(_ start: SessionStart) throws {
    var claims: [UInt8] = []
    for claim in start.claims {
      for text in [claim.name, claim.value] {
        claims.append(UInt8(clamping: text.utf8.count))
        claims += text.utf8
      }
    }
    let texts = [Array(start.role.utf8), Array(start.method.utf8), Array(start.address.utf8), claims]
    let size = texts.reduce(0) { $0 + 1 + $1.count }
    let room = Sector.size - Self.texts - 2 - size
    guard room >= 0, texts.allSatisfy({ $0.count <= 255 }) else {
      throw StoreError("role, method, address and claims of a session take \(size) bytes; there is less room")
    }
    var offset = Self.texts
    for text in texts { offset = sector.put(text, at: offset) }
    let subject = Array(start.subject.utf8)
    let isLong = subject.count > room
    set(Flag.longSubject, isLong)
    offset = sector.put(isLong ? [] : subject, at: offset)
    sector.put(Self.beginning(of: start.userAgent, Sector.size - offset - 1), at: offset)
  }

  /// As much of the beginning of a text as fits, cut between two characters.
  static func beginning(of text: String, _ room: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    for character in text {
      guard bytes.count + character.utf8.count <= room else { break }
      bytes += character.utf8
    }
    return bytes
  }

  // MARK: - Fields

  /// Whether the slot is that of an identifier with these random bytes.
  func isOf(random: [UInt8]) -> Bool {
    equalInConstantTime(self.random, random)
  }

  var random: [UInt8] { sector[Self.random..<Self.random + SessionPosition.randomSize] }
  var subjectHash: [UInt8] { sector[Self.subjectHash..<Self.subjectHash + 32] }
  func isOf(subjectHash: [UInt8]) -> Bool { sector.holds(subjectHash, at: Self.subjectHash) }
  var hasLongSubject: Bool { has(Flag.longSubject) }
  var isEnded: Bool { has(Flag.ended) }
  /// Milliseconds since 1970.
  var createdAt: Int { sector[integer: Self.created] }
  /// Seconds since 1970.
  var expiresAt: Int { sector[integer: Self.expires] }

  /// Seconds since 1970.
  var lastUsedAt: Int {
    get { sector[integer: Self.used] }
    set { sector[integer: Self.used] = newValue }
  }

  /// The index of the subject's session before this one; nil if there is none.
  var earlier: Int? {
    get { Self.link(sector[integer: Self.earlier]) }
    set { sector[integer: Self.earlier] = newValue.map { $0 + 1 } ?? 0 }
  }

  /// Reads an index that is stored one higher, because 0 stands for none.
  static func link(_ number: Int) -> Int? { number > 0 ? number - 1 : nil }

  private func has(_ flag: UInt8) -> Bool { sector[byte: Self.flags] & flag != 0 }

  private mutating func set(_ flag: UInt8, _ isSet: Bool) {
    if isSet { sector[byte: Self.flags] |= flag } else { sector[byte: Self.flags] &= ~flag }
  }

  // MARK: - Changes

  /// - Parameter at: milliseconds since 1970.
  mutating func end(at: Int, reason: String) {
    set(Flag.ended, true)
    sector[integer: Self.ended] = at
    sector.put(Self.beginning(of: reason, Self.longestEndReason), at: Self.endReason)
  }

  /// - Throws: ``StoreError`` if an identifier isn't 32 lower-case hex digits.
  mutating func issue(_ tokens: SessionTokens) throws {
    set(Flag.tokens, true)
    try put(tokens.accessID, at: Self.accessID, nil)
    try put(tokens.earlierAccessID, at: Self.earlierAccessID, Flag.earlierAccess)
    try put(tokens.refreshID, at: Self.refreshID, Flag.refresh)
    try put(tokens.retiredID, at: Self.retiredID, Flag.retired)
    sector[integer: Self.generation] = tokens.generation
    sector[integer: Self.issued] = tokens.issuedAt
    sector[integer: Self.accessExpiry] = tokens.accessExpiry
    sector[integer: Self.refreshExpiry] = tokens.refreshExpiry
    sector[integer: Self.retired] = Milliseconds.of(tokens.retiredAt)
  }

  private mutating func put(_ tokenID: String?, at offset: Int, _ flag: UInt8?) throws {
    if let flag { set(flag, tokenID != nil) }
    guard let tokenID else { return }
    guard let bytes = Hex.decode(tokenID), bytes.count == 16, Hex.encode(bytes).hasSameBytes(as: tokenID)
    else { throw StoreError("a session keeps token identifiers of 32 hex digits only") }
    sector[offset..<offset + 16] = bytes
  }

  // MARK: - Reading

  /// The session.
  /// - Parameters:
  ///   - id: its identifier.
  ///   - longSubject: the subject, if it stands in the table of subjects.
  func session(id: String, longSubject: String?) -> Session {
    var offset = Self.texts
    func next() -> ArraySlice<UInt8> {
      guard offset < Sector.size else { return [] }
      let (text, end) = sector.text(at: offset)
      offset = end
      return text
    }
    func string() -> String { String(decoding: next(), as: UTF8.self) }
    let (role, method, address, claims) = (string(), string(), string(), Self.claims(next()))
    let subject = string()
    let start = SessionStart(
      subject: longSubject ?? subject, role: role, method: method, claims: claims,
      credential: has(Flag.credential) ? sector[Self.credential..<Self.credential + 8] : [],
      expiresAt: expiresAt, address: address, userAgent: string(),
      cookieDigest: has(Flag.cookie) ? sector[Self.cookie..<Self.cookie + 32] : nil)
    return Session(
      id: id, start: start, createdAt: Milliseconds.seconds(createdAt), lastUsedAt: lastUsedAt,
      tokens: has(Flag.tokens) ? tokens : nil, end: isEnded ? end : nil)
  }

  private var tokens: SessionTokens {
    SessionTokens(
      generation: sector[integer: Self.generation], accessID: tokenID(at: Self.accessID),
      earlierAccessID: has(Flag.earlierAccess) ? tokenID(at: Self.earlierAccessID) : nil,
      refreshID: has(Flag.refresh) ? tokenID(at: Self.refreshID) : nil,
      retiredID: has(Flag.retired) ? tokenID(at: Self.retiredID) : nil,
      issuedAt: sector[integer: Self.issued], accessExpiry: sector[integer: Self.accessExpiry],
      refreshExpiry: sector[integer: Self.refreshExpiry],
      retiredAt: Milliseconds.seconds(sector[integer: Self.retired]))
  }

  private func tokenID(at offset: Int) -> String { Hex.encode(sector.bytes[offset..<offset + 16]) }

  private var end: SessionEnd {
    SessionEnd(
      at: Milliseconds.seconds(sector[integer: Self.ended]),
      reason: String(decoding: sector.text(at: Self.endReason).0, as: UTF8.self))
  }

  private static func claims(_ bytes: ArraySlice<UInt8>) -> [SessionClaim] {
    var rest = bytes
    func next(_ rest: inout ArraySlice<UInt8>) -> String {
      let count = Int(rest.popFirst() ?? 0)
      defer { rest = rest.dropFirst(count) }
      return String(decoding: rest.prefix(count), as: UTF8.self)
    }
    var claims: [SessionClaim] = []
    while !rest.isEmpty { claims.append(SessionClaim(next(&rest), next(&rest))) }
    return claims
  }
}

/// Times as the files of sessions store them: whole milliseconds since 1970.
enum Milliseconds {
  static func of(_ seconds: Double) -> Int { Int(max(0, min(seconds * 1000, 1e16)).rounded()) }
  static func seconds(_ milliseconds: Int) -> Double { Double(milliseconds) / 1000 }
}
