import Wire

/// A record as a line of a file: a JSON object whose last member, `crc`, is a CRC-32C of what comes before
/// it. A line without `crc`, such as one that pico-server-auth wrote, is accepted if it is JSON.
enum RecordLine {
  private static let beforeChecksum = Array(#","crc":""#.utf8)
  private static let behindChecksum = Array(#""}"#.utf8)
  private static let suffixSize = 18

  /// A line isn't what was written.
  struct Damaged: Error {}

  /// The line of an object, with its checksum and newline.
  /// - Parameter object: a JSON object with one member or more.
  static func seal(_ object: [UInt8]) -> [UInt8] {
    let payload = object.dropLast()
    var line: [UInt8] = []
    line.reserveCapacity(payload.count + suffixSize + 1)
    line += payload
    line += beforeChecksum
    line += digits(CRC32C.checksum(payload))
    line += behindChecksum
    line.append(UInt8(ascii: "\n"))
    return line
  }

  /// Eight lower-case hex digits.
  private static func digits(_ checksum: UInt32) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 8) { digits, count in
      for position in 0..<8 {
        let digit = UInt8(checksum >> (28 - 4 * UInt32(position)) & 15)
        digits[position] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
      }
      count = 8
    }
  }

  /// The bytes of the object on a line, without checksum and closing brace. Nil if the line has no checksum.
  /// - Throws: ``Damaged`` if the checksum doesn't match.
  static func sealedPayload(_ line: ArraySlice<UInt8>) throws(Damaged) -> ArraySlice<UInt8>? {
    guard line.count > suffixSize else { return nil }
    let suffix = line.suffix(suffixSize)
    guard suffix.starts(with: beforeChecksum), suffix.suffix(2).elementsEqual(behindChecksum) else {
      return nil
    }
    let payload = line.dropLast(suffixSize)
    guard suffix.dropFirst(8).prefix(8).elementsEqual(digits(CRC32C.checksum(payload))) else {
      throw Damaged()
    }
    return payload
  }

  /// Whether a line is what was written. A line with a checksum needn't be parsed as JSON.
  static func isWhole(_ line: ArraySlice<UInt8>) -> Bool {
    do throws(Damaged) {
      if try sealedPayload(line) != nil { return true }
      _ = try object(line)
      return true
    } catch {
      return false
    }
  }

  /// Whether bytes differ from others in one bit at most.
  static func isNearly(_ bytes: some Collection<UInt8>, _ others: [UInt8]) -> Bool {
    bytes.count == others.count
      && zip(bytes, others).reduce(0) { $0 + ($1.0 ^ $1.1).nonzeroBitCount } <= 1
  }

  /// The object on a line without its checksum, whether the checksum matches or not.
  static func withoutChecksum(_ line: ArraySlice<UInt8>) -> [UInt8] {
    let suffix = line.suffix(suffixSize)
    guard line.count > suffixSize, suffix.starts(with: beforeChecksum) else { return Array(line) }
    return line.dropLast(suffixSize) + [UInt8(ascii: "}")]
  }

  /// Checks the checksum of a line and returns its object without it.
  /// - Throws: ``Damaged`` if the checksum doesn't match or the line isn't JSON.
  static func object(_ line: ArraySlice<UInt8>) throws(Damaged) -> JSONObject {
    if let payload = try sealedPayload(line) {
      guard let object = try? JSONObject(parsing: payload + [UInt8(ascii: "}")]) else { throw Damaged() }
      return object
    }
    guard let object = try? JSONObject(parsing: Array(line)) else { throw Damaged() }
    // This was a checksum that is no longer recognized: a bit flipped in its name or beside its digits.
    if let last = object.members.last, isNearly(last.name.utf8, Array("crc".utf8)) { throw Damaged() }
    return object
  }
}
