import Crypto
import Wire

/// The record of a subject in the file of failed attempts: 128 bytes.
///
/// | offset | length | |
/// |---|---|---|
/// | 0 | 4 | CRC-32C of the rest |
/// | 4 | 1 | kind, counted from 1; 0 in an empty record |
/// | 5 | 1 | length of the name |
/// | 6 | 2 | `free` of the limit |
/// | 8 | 2 | `interval` of the limit, in seconds |
/// | 10 | 2 | 0 |
/// | 12 | 4 | failures, in thousandths |
/// | 16 | 8 | last failure, in milliseconds since 1970 |
/// | 24 | 16 | keyed hash of kind and name |
/// | 40 | 88 | the name, or its beginning, in UTF-8 |
///
/// Numbers are little-endian.
struct ThrottleRecord: ThrottleFileRecord {
  static let width = 128
  private static let nameOffset = 40

  let digest: [UInt8]
  /// The name may be cut.
  let subject: ThrottleSubject
  let free: Int
  let interval: Int
  var count: ThrottleCount

  /// The limit as it was when the last attempt failed.
  var limit: ThrottleLimit { ThrottleLimit(subject, free: free, interval: interval) }

  init(digest: [UInt8], limit: ThrottleLimit, count: ThrottleCount) {
    self.digest = digest
    subject = ThrottleSubject(limit.subject.kind, Self.cut(limit.subject.name))
    free = limit.free
    interval = limit.interval
    self.count = count
  }

  init?(_ bytes: ArraySlice<UInt8>) {
    guard bytes.count == Self.width, bytes.number(at: 0, 4) == UInt64(CRC32C.checksum(bytes.dropFirst(4))),
      let kind = Self.kind(bytes.number(at: 4, 1))
    else { return nil }
    let length = Int(bytes.number(at: 5, 1))
    guard length <= Self.width - Self.nameOffset else { return nil }
    let name = bytes.dropFirst(Self.nameOffset).prefix(length)
    subject = ThrottleSubject(kind, String(decoding: name, as: UTF8.self))
    free = Int(bytes.number(at: 6, 2))
    interval = max(1, Int(bytes.number(at: 8, 2)))
    count = ThrottleCount(
      failures: Double(bytes.number(at: 12, 4)) / 1000,
      lastFailure: Double(bytes.number(at: 16, 8)) / 1000)
    digest = Array(bytes.dropFirst(24).prefix(16))
  }

  var bytes: [UInt8] {
    let name = Array(subject.name.utf8)
    var rest: [UInt8] = []
    rest.append(Self.number(of: subject.kind))
    rest.append(UInt8(name.count))
    rest.add(UInt64(min(free, 65535)), 2)
    rest.add(UInt64(min(interval, 65535)), 2)
    rest.add(0, 2)
    rest.add(UInt64((count.failures * 1000).rounded()), 4)
    rest.add(UInt64(max(0, (count.lastFailure * 1000).rounded(.up))), 8)
    rest += digest + name
    rest += [UInt8](repeating: 0, count: Self.width - 4 - rest.count)
    var bytes: [UInt8] = []
    bytes.add(UInt64(CRC32C.checksum(rest[...])), 4)
    return bytes + rest
  }

  private static func number(of kind: ThrottleSubject.Kind) -> UInt8 {
    switch kind {
    case .account: 1
    case .address: 2
    case .known: 3
    case .fleet: 4
    }
  }

  private static func kind(_ number: UInt64) -> ThrottleSubject.Kind? {
    ThrottleSubject.Kind.allCases.first { UInt64(Self.number(of: $0)) == number }
  }

  /// As many whole characters of a name as the record has room for.
  private static func cut(_ name: String) -> String {
    let room = width - nameOffset
    guard name.utf8.count > room else { return name }
    var text = ""
    for scalar in name.unicodeScalars {
      guard text.utf8.count + String(scalar).utf8.count <= room - "…".utf8.count else { break }
      text.unicodeScalars.append(scalar)
    }
    return text + "…"
  }
}

extension ArraySlice<UInt8> {
  /// A little-endian number at an offset from the slice's start.
  func number(at offset: Int, _ count: Int) -> UInt64 {
    dropFirst(offset).prefix(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}

extension [UInt8] {
  /// Appends a little-endian number.
  mutating func add(_ number: UInt64, _ count: Int) {
    for index in 0..<count { append(UInt8(truncatingIfNeeded: number >> (8 * UInt64(index)))) }
  }
}
