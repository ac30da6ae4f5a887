import POSIX
import Wire

/// A revocation as a line of the file.
enum RevocationLine {
  private static let beforeTokenID = Array(#"{"jti":""#.utf8)
  private static let behindTokenID = Array(#"","revoked_at":"#.utf8)
  private static let beforeExpiry = Array(#","exp":"#.utf8)
  private static let expiryName = Array(#""exp""#.utf8)

  /// The token that a line revokes, and the times on the line.
  struct Times {
    let hash: TokenIDHash
    /// When the token was revoked. Seconds since 1970, rounded down if the line wasn't parsed as JSON; 0 if
    /// the line doesn't tell.
    let revokedAt: Double
    /// The token's `exp`, seconds since 1970; nil if the line doesn't tell.
    let expiry: Int?
    /// Whether the object has no member `exp`, so that one can be added.
    let lacksExpiry: Bool
  }

  /// Reads the times on a line. A line that pico-auth wrote for a token of its own isn't parsed as JSON,
  /// which would take ten times as long.
  /// - Throws: ``RecordLine/Damaged``.
  static func times(_ line: ArraySlice<UInt8>) throws(RecordLine.Damaged) -> Times {
    if let payload = try RecordLine.sealedPayload(line), let times = quickTimes(payload) { return times }
    let object = try RecordLine.object(line)
    guard let revocation = Revocation(object) else { throw RecordLine.Damaged() }
    return Times(
      hash: TokenIDHash(revocation.tokenID), revokedAt: revocation.revokedAt,
      expiry: revocation.expiry.flatMap { $0 > 0 ? $0 : nil }, lacksExpiry: object["exp"] == nil)
  }

  /// Reads the times without parsing. Nil unless the payload has exactly the form that pico-auth writes.
  private static func quickTimes(_ payload: ArraySlice<UInt8>) -> Times? {
    guard payload.starts(with: beforeTokenID) else { return nil }
    var rest = payload.dropFirst(beforeTokenID.count)
    guard let hash = TokenIDHash(digits: rest) else { return nil }
    rest = rest.dropFirst(32)
    guard rest.starts(with: behindTokenID) else { return nil }
    rest = rest.dropFirst(behindTokenID.count)
    let seconds = rest.prefix(while: isDigit)
    guard let revokedAt = number(seconds), let behind = rest.dropFirst(seconds.count).first,
      behind == UInt8(ascii: ".") || behind == UInt8(ascii: ",")
    else { return nil }
    let digits = payload.suffix(from: payload.lastIndex { !isDigit($0) }.map { $0 + 1 } ?? payload.startIndex)
    let beforeDigits = payload.dropLast(digits.count)
    if beforeDigits.suffix(beforeExpiry.count).elementsEqual(beforeExpiry) {
      guard let expiry = number(digits), expiry > 0 else { return nil }
      return Times(hash: hash, revokedAt: Double(revokedAt), expiry: expiry, lacksExpiry: false)
    }
    // In the text of a reason it has no meaning, but only a parser can tell.
    guard !rest.holds(expiryName) else { return nil }
    return Times(hash: hash, revokedAt: Double(revokedAt), expiry: nil, lacksExpiry: true)
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

  private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
    guard 1...18 ~= digits.count else { return nil }
    return digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
  }

  /// Adds `exp` to a line that lacks it.
  /// - Returns: the line with its checksum and newline.
  /// - Throws: ``RecordLine/Damaged``.
  static func adding(expiry: Int, to line: ArraySlice<UInt8>) throws(RecordLine.Damaged) -> [UInt8] {
    var object: [UInt8]
    if let payload = try RecordLine.sealedPayload(line) {
      object = Array(payload)
    } else {
      object = Array(line)
      while let last = object.popLast(), last != UInt8(ascii: "}") {}
    }
    object += beforeExpiry
    object += Array(String(expiry).utf8)
    object.append(UInt8(ascii: "}"))
    return RecordLine.seal(object)
  }

  /// The token that a line revokes.
  /// - Throws: ``RecordLine/Damaged``.
  static func hash(_ line: ArraySlice<UInt8>) throws(RecordLine.Damaged) -> TokenIDHash {
    if let payload = try RecordLine.sealedPayload(line), payload.starts(with: beforeTokenID),
      let hash = TokenIDHash(digits: payload.dropFirst(beforeTokenID.count))
    {
      return hash
    }
    return TokenIDHash(try revocation(line).tokenID)
  }

  /// The revocation on a line.
  /// - Throws: ``RecordLine/Damaged``.
  static func revocation(_ line: ArraySlice<UInt8>) throws(RecordLine.Damaged) -> Revocation {
    guard let revocation = Revocation(try RecordLine.object(line)) else { throw RecordLine.Damaged() }
    return revocation
  }
}
