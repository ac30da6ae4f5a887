import Crypto
import POSIX
import Wire

/// The open file of failed attempts: a header, and buckets of four records each. A header and a bucket have 512 bytes,
/// the smallest unit that a disk writes.
///
/// A subject's bucket follows from a hash with the file's own key, so nobody can choose subjects that share a bucket.
/// Each kind of subjects has buckets of its own.
final class ThrottleFile: Sendable {
  /// The size of the header and of a bucket. Bytes.
  static let sector = 512
  /// How many records a bucket has.
  static let ways = sector / ThrottleRecord.width
  /// The size of the file. Bytes.
  static let size = 2 << 20

  private static let magic = Array("pico-auth throttle 1\n".utf8)
  private static let keyLength = 32

  let identity: FileStatus.Identity
  private let handle: FileHandle
  private let key: SymmetricKey

  /// Why a file isn't opened.
  enum Refusal: Error {
    /// It was a file of failed attempts and is damaged. It can be given up.
    case damaged
    /// Another program wrote it and may need it.
    case foreign
  }

  private init(identity: FileStatus.Identity, handle: FileHandle, key: SymmetricKey) {
    self.identity = identity
    self.handle = handle
    self.key = key
  }

  /// Opens the file. Nil if there is none.
  /// - Throws: ``Refusal``, ``StoreError``, ``SystemError``.
  static func open(_ path: String) throws -> ThrottleFile? {
    guard let handle = try SharedFiles.open(path, flags: .readWrite) else { return nil }
    let status = try handle.status()
    let start = try handle.read(count: sector, at: 0)
    guard status.size == size, start.starts(with: magic), isWhole(start) else {
      let isOurs = status.size == size || start.starts(with: magic) || start.allSatisfy { $0 == 0 }
      throw isOurs ? Refusal.damaged : Refusal.foreign
    }
    let key = SymmetricKey(data: start.dropFirst(magic.count).prefix(keyLength))
    return ThrottleFile(identity: status.identity, handle: handle, key: key)
  }

  /// A file without records and with a new key.
  static func empty() -> [UInt8] {
    var header = magic + SecureRandom.bytes(keyLength)
    header += [UInt8](repeating: 0, count: sector - 4 - header.count)
    header += withUnsafeBytes(of: CRC32C.checksum(header[...]).littleEndian, Array.init)
    return header + [UInt8](repeating: 0, count: size - sector)
  }

  private static func isWhole(_ header: [UInt8]) -> Bool {
    withUnsafeBytes(of: CRC32C.checksum(header.dropLast(4)).littleEndian, Array.init)
      .elementsEqual(header.suffix(4))
  }

  /// The buckets of a kind, by their number in the file. Bucket 0 is the header.
  static func buckets(_ kind: ThrottleSubject.Kind) -> Range<Int> {
    switch kind {
    case .account: 1..<1024
    case .address: 1024..<3072
    case .known: 3072..<3584
    case .fleet: 3584..<4096
    }
  }

  /// Identifies a subject, and says where it is.
  struct Place {
    let digest: [UInt8]
    let bucket: Int
  }

  func place(of subject: ThrottleSubject) -> Place {
    let text = Array("\(subject.kind.rawValue) ".utf8) + Array(subject.name.utf8)
    let code = Array(HMAC<SHA256>.authenticationCode(for: text, using: key))
    let number = code[16..<24].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let buckets = Self.buckets(subject.kind)
    return Place(
      digest: Array(code[..<16]), bucket: buckets.lowerBound + Int(number % UInt64(buckets.count)))
  }

  /// The records of a bucket, with nil in place of each that is empty or damaged.
  /// - Throws: ``Refusal`` if the file is too short; ``SystemError``.
  func records(_ bucket: Int) throws -> [ThrottleRecord?] {
    try slots(bucket).map { ThrottleRecord($0) }
  }

  /// As ``records(_:)``, without the lock.
  /// - Returns: nil if a record is neither whole nor empty. Another process may be writing it.
  func recordsIfWhole(_ bucket: Int) throws -> [ThrottleRecord?]? {
    let slots = try slots(bucket)
    let records = slots.map { ThrottleRecord($0) }
    return zip(slots, records).allSatisfy { $1 != nil || $0.allSatisfy { $0 == 0 } } ? records : nil
  }

  private func slots(_ bucket: Int) throws -> [ArraySlice<UInt8>] {
    let bytes = try handle.read(count: Self.sector, at: bucket * Self.sector)
    guard bytes.count == Self.sector else { throw Refusal.damaged }
    return (0..<Self.ways).map { bytes.dropFirst($0 * ThrottleRecord.width).prefix(ThrottleRecord.width) }
  }

  /// Writes a record, or empties its place.
  func write(_ record: ThrottleRecord?, _ bucket: Int, _ way: Int) throws {
    let bytes = record?.bytes ?? [UInt8](repeating: 0, count: ThrottleRecord.width)
    try handle.writeAll(bytes, at: bucket * Self.sector + way * ThrottleRecord.width)
  }
}
