import POSIX
import Wire

/// One generation of challenges: a header and records of fixed width. Used under the store's lock only.
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

  /// Why a file isn't opened as one of challenges.
  enum Refusal: Error {
    /// It was one once: what is in it can be done without.
    case damaged
    /// It is something else, which somebody may need.
    case foreign
    /// It is of an earlier boot, or doesn't tell: a power failure may have undone the use of its challenges.
    case void
  }

  /// What a disk writes at once, at the least. Bytes. Power loss leaves NULs in place of a whole one.
  private static let blockSize = 512

  /// Opens a file of challenges; nil where there is none, or an empty one.
  /// - Parameter boot: the boot that this is; nil where nothing tells.
  /// - Throws: ``Refusal``, ``StoreError``, ``SystemError``.
  static func open(_ path: String, boot: String?) throws -> ChallengeFile? {
    guard let handle = try SharedFiles.open(path, flags: .readWrite) else { return nil }
    let status = try handle.status()
    if status.size == 0 { return nil }
    let start = try handle.read(count: blockSize, at: 0)
    guard let header = ChallengeFileHeader(startOf: start) else {
      throw isOfOurMaking(start) ? Refusal.damaged : Refusal.foreign
    }
    guard let written = header.boot,
      [ChallengeFileHeader.unknownBoot, boot].contains(where: { $0?.hasSameBytes(as: written) ?? false })
    else {
      throw Refusal.void
    }
    return ChallengeFile(path: path, identity: status.identity, header: header, handle: handle)
  }

  /// Whether a file without a header that begins like this was one of challenges.
  private static func isOfOurMaking(_ start: [UInt8]) -> Bool {
    start.allSatisfy { $0 == 0 } || ChallengeFileHeader.isSimilar(start)
      || [ChallengeFileHeader.width, ChallengeFileHeader.earlierWidth].contains { width in
        ChallengeRecord(Array(start.dropFirst(width).prefix(ChallengeRecord.width))) != nil
      }
  }

  /// Whether the file may outlive the boot that its challenges are used in, so that each use must reach the disk.
  var outlivesBoot: Bool { header.boot == ChallengeFileHeader.unknownBoot }

  /// Keeps out other processes that have the file open.
  /// - Throws: ``StoreError`` where another has it for too long; ``SystemError``.
  func lock(until deadline: UInt64) throws {
    try FileLock.wait(for: handle, path: path, until: deadline)
  }

  func unlock() { handle.unlock() }

  /// Waits until what was changed is on the disk.
  func synchronize() throws(SystemError) { try handle.synchronizeData() }

  /// The file's size. Bytes.
  func size() throws -> Int { try handle.status().size }

  /// How many records there are in a file of that size. Bytes behind the last are a torn record.
  static func count(size: Int) -> Int {
    max(0, size - ChallengeFileHeader.width) / ChallengeRecord.width
  }

  static func offset(of index: Int) -> Int {
    ChallengeFileHeader.width + index * ChallengeRecord.width
  }

  /// The record at an index; nil where there is none, or a damaged one.
  func record(at index: Int) throws -> ChallengeRecord? {
    let bytes = try handle.read(count: ChallengeRecord.width, at: Self.offset(of: index))
    return ChallengeRecord(bytes)
  }

  /// Writes a record at an index, whole or not at all.
  /// - Throws: ``StoreError`` where the disk took only a part; ``SystemError``.
  func append(_ record: ChallengeRecord, at index: Int) throws {
    let offset = Self.offset(of: index)
    let bytes = record.bytes
    let written = try handle.write(bytes, at: offset)
    guard written == bytes.count else {
      try handle.truncate(to: offset)
      throw StoreError("\(path): disk full")
    }
  }

  /// Marks a record as used up, in place.
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

  /// Cuts off all records.
  func cutRecords() throws {
    try handle.truncate(to: ChallengeFileHeader.width)
  }

  /// When the first record that can be read expires; nil without one. Milliseconds since 1970.
  func firstExpiry() throws -> Int? {
    try firstReadable(in: 0..<Self.count(size: try size()))?.expiry
  }

  /// When the last record that can be read expires: those behind it are good for nothing. Nil without one. Milliseconds
  /// since 1970.
  func lastExpiry() throws -> Int? {
    var end = Self.count(size: try size())
    // Most often it is the last.
    var start = max(0, end - 1)
    while start < end {
      let readable = try records(in: start..<end).compactMap(\.self)
      if let last = readable.last { return last.expiry }
      end = start
      start = max(0, end - Self.recordsAtOnce)
    }
    return nil
  }

  /// Cuts off bytes behind the last whole record.
  /// - Returns: the bytes, which a write cut short by a crash or a full disk left.
  func cutTornRecord(size: Int) throws -> [UInt8] {
    let end = Self.offset(of: Self.count(size: size))
    let torn = try handle.read(count: size - end, at: end)
    try handle.truncate(to: end)
    return torn
  }

  /// The index of the first record that is good after `now`, of `count`; a damaged one before it may count as good.
  /// Records stand in the order of their expiry.
  /// - Parameter now: milliseconds since 1970.
  func firstUnexpired(now: Int, count: Int) throws -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      // A damaged record tells nothing; the next one does.
      guard let (index, expiry) = try firstReadable(in: middle..<high), expiry <= now else {
        high = middle
        continue
      }
      low = index + 1
    }
    return low
  }

  // MARK: - Reading past damage

  /// How many records are read at once where one is damaged.
  private static let recordsAtOnce = 256

  /// The first record of some that can be read.
  private func firstReadable(in range: Range<Int>) throws -> (index: Int, expiry: Int)? {
    var start = range.lowerBound
    // Most often it is the first.
    var end = min(start + 1, range.upperBound)
    while start < end {
      let records = try records(in: start..<end)
      for (index, record) in zip(start..., records) {
        if let record { return (index, record.expiry) }
      }
      start = end
      end = min(start + Self.recordsAtOnce, range.upperBound)
    }
    return nil
  }

  /// Some records; nil in place of each that is damaged.
  private func records(in range: Range<Int>) throws -> [ChallengeRecord?] {
    let bytes = try handle.read(
      count: range.count * ChallengeRecord.width, at: Self.offset(of: range.lowerBound))
    return (0..<bytes.count / ChallengeRecord.width).map { index in
      ChallengeRecord(Array(bytes.dropFirst(index * ChallengeRecord.width).prefix(ChallengeRecord.width)))
    }
  }
}
