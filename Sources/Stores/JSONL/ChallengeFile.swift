import POSIX
import Wire

/// One generation of challenges: a header and records of fixed width. All calls are made under the store's
/// lock.
final class ChallengeFile {
  let path: String
  let identity: FileStatus.Identity
  let header: ChallengeFileHeader
  private let handle: FileHandle

  private init(
    path: String, identity: FileStatus.Identity, header: ChallengeFileHeader, handle: FileHandle
  ) {
    self.path = path
    self.identity = identity
    self.header = header
    self.handle = handle
  }

  /// Why a file isn't opened.
  enum Refusal: Error {
    /// It was a file of challenges and is damaged. Its challenges can be given up.
    case damaged
    /// Another program wrote it and may need it.
    case foreign
    /// It was written in another boot, or in an unknown one. A power failure may have undone the use of its
    /// challenges.
    case void
  }

  /// The smallest unit that a disk writes. A power loss leaves NULs in place of a whole one. Bytes.
  private static let blockSize = 512

  /// Opens a file of challenges. Nil if there is none or it is empty.
  /// - Parameter boot: the current boot's ``BootID``; nil if it is unknown.
  /// - Throws: ``Refusal``, ``StoreError``, ``SystemError``.
  static func open(_ path: String, boot: String?) throws -> ChallengeFile? {
    guard let handle = try SharedFiles.open(path, flags: .readWrite) else { return nil }
    let status = try handle.status()
    if status.size == 0 { return nil }
    let start = try handle.read(count: blockSize, at: 0)
    guard let header = ChallengeFileHeader(startOf: start) else {
      throw isOurs(start) ? Refusal.damaged : Refusal.foreign
    }
    guard let written = header.boot,
      [ChallengeFileHeader.unknownBoot, boot].contains(where: { $0?.hasSameBytes(as: written) ?? false })
    else {
      throw Refusal.void
    }
    return ChallengeFile(path: path, identity: status.identity, header: header, handle: handle)
  }

  /// Whether a file without a valid header was a file of challenges, judging by its first bytes.
  private static func isOurs(_ start: [UInt8]) -> Bool {
    start.allSatisfy { $0 == 0 } || ChallengeFileHeader.isSimilar(start)
      || [ChallengeFileHeader.width, ChallengeFileHeader.earlierWidth].contains { width in
        ChallengeRecord(Array(start.dropFirst(width).prefix(ChallengeRecord.width))) != nil
      }
  }

  /// Whether the file may be used after a reboot, so that each use of a challenge must reach the disk.
  var outlivesBoot: Bool { header.boot == ChallengeFileHeader.unknownBoot }

  /// Locks the file itself against other processes that have it open.
  /// - Parameter deadline: when to give up, in ``Clock/monotonicNanoseconds``.
  /// - Throws: ``StoreError`` if the lock isn't free in time; ``SystemError``.
  func lock(until deadline: UInt64) throws {
    try FileLock.wait(for: handle, path: path, until: deadline)
  }

  func unlock() { handle.unlock() }

  /// Waits until all changes are on the disk. fdatasync(2).
  func synchronize() throws(SystemError) { try handle.synchronizeData() }

  /// The file's size. Bytes.
  func size() throws -> Int { try handle.status().size }

  /// How many records a file of that size holds. What follows the last one is a torn record.
  static func count(size: Int) -> Int {
    max(0, size - ChallengeFileHeader.width) / ChallengeRecord.width
  }

  /// The offset of a record in the file. Bytes.
  static func offset(of index: Int) -> Int {
    ChallengeFileHeader.width + index * ChallengeRecord.width
  }

  /// The record at an index. Nil if there is none or it is damaged.
  func record(at index: Int) throws -> ChallengeRecord? {
    let bytes = try handle.read(count: ChallengeRecord.width, at: Self.offset(of: index))
    return ChallengeRecord(bytes)
  }

  /// Writes a record at an index, completely or not at all.
  /// - Throws: ``StoreError`` if the disk is full; ``SystemError``.
  func append(_ record: ChallengeRecord, at index: Int) throws {
    let offset = Self.offset(of: index)
    let bytes = record.bytes
    let written = try handle.write(bytes, at: offset)
    guard written == bytes.count else {
      try handle.truncate(to: offset)
      throw StoreError("\(path): the disk is full; free some space")
    }
  }

  /// Marks a record as used up, in place, and counts it in the header.
  func markUsed(at index: Int) throws {
    try handle.writeAll(
      Array(ChallengeRecord.State.used.rawValue.utf8),
      at: Self.offset(of: index) + ChallengeRecord.stateOffset)
    try handle.writeAll(
      ChallengeFileHeader.digits(try usedCount() &+ 1), at: ChallengeFileHeader.usedOffset)
  }

  /// How many records are used up.
  func usedCount() throws -> UInt64 {
    ChallengeFileHeader.number(
      try handle.read(count: 16, at: ChallengeFileHeader.usedOffset)) ?? 0
  }

  /// Removes all records.
  func cutRecords() throws {
    try handle.truncate(to: ChallengeFileHeader.width)
  }

  /// Cuts off what follows the last whole record.
  /// - Returns: the bytes, which a crash or a full disk left of a write.
  func cutTornRecord(size: Int) throws -> [UInt8] {
    let end = Self.offset(of: Self.count(size: size))
    let torn = try handle.read(count: size - end, at: end)
    try handle.truncate(to: end)
    return torn
  }

  /// The records of a range, with nil in place of each damaged one.
  func records(in range: Range<Int>) throws -> [ChallengeRecord?] {
    let bytes = try handle.read(
      count: range.count * ChallengeRecord.width, at: Self.offset(of: range.lowerBound))
    return (0..<bytes.count / ChallengeRecord.width).map { index in
      ChallengeRecord(Array(bytes.dropFirst(index * ChallengeRecord.width).prefix(ChallengeRecord.width)))
    }
  }
}
