import Crypto
import POSIX
import Wire

/// A record of fixed width in a bucket of the file of failed attempts.
protocol ThrottleFileRecord {
  /// Its size. Bytes; divides the size of a bucket.
  static var width: Int { get }

  var digest: [UInt8] { get }
  var bytes: [UInt8] { get }

  /// Reads a record. Nil if it is empty or damaged.
  init?(_ bytes: ArraySlice<UInt8>)
}

/// The open file of failed attempts: a header, and buckets of four failure records or 16 sign-ins each. A header and a
/// bucket have 512 bytes, the smallest unit that a disk writes.
///
/// A subject's bucket follows from a hash with the file's own key, so nobody can choose subjects that share a bucket.
/// Each kind of subjects has buckets of its own.
final class ThrottleFile: Sendable {
  /// The size of the header and of a bucket. Bytes.
  static let sector = 512
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
    case .known: 3072..<3520
    case .fleet: 3584..<4096
    }
  }
  private static let signInBuckets = 3520..<3584

  /// Identifies a subject, and says where it is.
  struct Place {
    let digest: [UInt8]
    let bucket: Int
  }

  /// Where a subject's failures are.
  func place(of subject: ThrottleSubject) -> Place {
    place("\(subject.kind.rawValue) \(subject.name)", in: Self.buckets(subject.kind))
  }

  /// Where a subject's last sign-in is.
  func signInPlace(of subject: ThrottleSubject) -> Place {
    place("sign-in \(subject.name)", in: Self.signInBuckets)
  }

  private func place(_ text: String, in buckets: Range<Int>) -> Place {
    let code = Array(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key))
    let number = code[16..<24].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return Place(
      digest: Array(code[..<16]), bucket: buckets.lowerBound + Int(number % UInt64(buckets.count)))
  }

  /// The records of a bucket, with nil in place of each that is empty or damaged.
  /// - Throws: ``Refusal`` if the file is too short; ``SystemError``.
  func records<Record: ThrottleFileRecord>(_ bucket: Int, of type: Record.Type) throws -> [Record?] {
    try slots(bucket, type.width).map { Record($0) }
  }

  /// As ``records(_:of:)``, without the lock.
  /// - Returns: nil if a record is neither whole nor empty. Another process may be writing it.
  func recordsIfWhole<Record: ThrottleFileRecord>(_ bucket: Int, of type: Record.Type) throws -> [Record?]? {
    let slots = try slots(bucket, type.width)
    let records = slots.map { Record($0) }
    return zip(slots, records).allSatisfy { $1 != nil || $0.allSatisfy { $0 == 0 } } ? records : nil
  }

  private func slots(_ bucket: Int, _ width: Int) throws -> [ArraySlice<UInt8>] {
    let bytes = try handle.read(count: Self.sector, at: bucket * Self.sector)
    guard bytes.count == Self.sector else { throw Refusal.damaged }
    return stride(from: 0, to: Self.sector, by: width).map { bytes.dropFirst($0).prefix(width) }
  }

  /// Writes a record, or empties its place.
  func write<Record: ThrottleFileRecord>(_ record: Record?, _ bucket: Int, _ way: Int) throws {
    let bytes = record?.bytes ?? [UInt8](repeating: 0, count: Record.width)
    try handle.writeAll(bytes, at: bucket * Self.sector + way * Record.width)
  }
}
