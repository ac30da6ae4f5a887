import Crypto
import POSIX
import Wire

/// The place of a session's record, which the session's identifier holds. An identifier has 16 random bytes
/// and 8 bytes of position. A keyed hash of the random bytes masks the position, so the identifier tells
/// nobody how many sessions there are, or in which order they began.
struct SessionPosition: Equatable {
  static let randomSize = 16
  /// The length of an identifier in base64url.
  static let idLength = 32

  /// 16 bytes.
  let random: [UInt8]
  /// The index of the record, counted from the first session of all.
  let index: Int

  /// - Parameter random: 16 bytes; by default ``makeRandom()``.
  init(index: Int, random: [UInt8] = makeRandom()) {
    self.random = random
    self.index = index
  }

  /// The random bytes of a new identifier. The identifier doesn't begin with `-`, because a command would take
  /// it for an option.
  static func makeRandom() -> [UInt8] {
    while true {
      let random = SecureRandom.bytes(randomSize)
      if !Base64URL.encode(random).starts(with: [UInt8(ascii: "-")]) { return random }
    }
  }

  /// Reads an identifier. Nil unless it can be one: of the texts that anybody makes up, one in 2^24 can.
  init?(id: String, maskKey: [UInt8]) {
    guard id.utf8.count == Self.idLength, let bytes = Base64URL.decode(id.utf8) else { return nil }
    random = Array(bytes[..<Self.randomSize])
    let masked = bytes[Self.randomSize...].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let index = masked ^ Self.mask(random, maskKey)
    guard index < 1 << 40 else { return nil }
    self.index = Int(index)
  }

  func id(maskKey: [UInt8]) -> String {
    let masked = UInt64(index) ^ Self.mask(random, maskKey)
    let bytes = random + withUnsafeBytes(of: masked.bigEndian, Array.init)
    return String(decoding: Base64URL.encode(bytes), as: UTF8.self)
  }

  /// The first 8 bytes of SHA-256 over key and text, as in ``ChallengePosition``.
  private static func mask(_ random: [UInt8], _ key: [UInt8]) -> UInt64 {
    let digest = (key + random).withUnsafeBytes { SHA256.hash(data: $0) }
    return digest.withUnsafeBytes { UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)) }
  }

  // MARK: - Cursors

  /// The text for a place in a list, of an identifier's form. Only who has the key can make one up.
  static func cursor(index: Int, maskKey: [UInt8]) -> String {
    SessionPosition(index: index, random: tag(index, maskKey)).id(maskKey: maskKey)
  }

  /// Reads the text for a place in a list.
  /// - Throws: ``UnknownCursor``.
  static func index(ofCursor cursor: String, maskKey: [UInt8]) throws -> Int {
    guard let position = SessionPosition(id: cursor, maskKey: maskKey),
      equalInConstantTime(position.random, tag(position.index, maskKey))
    else { throw UnknownCursor() }
    return position.index
  }

  private static func tag(_ index: Int, _ key: [UInt8]) -> [UInt8] {
    let text = Array("cursor".utf8) + withUnsafeBytes(of: UInt64(index).bigEndian, Array.init)
    return Array(
      HMAC<SHA256>.authenticationCode(for: text, using: SymmetricKey(data: key)).prefix(randomSize))
  }
}
