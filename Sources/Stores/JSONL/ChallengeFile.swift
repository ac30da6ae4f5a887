import POSIX

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
  }

  /// Opens a file of challenges; nil where there is none, or an empty one.
  /// - Throws: ``Refusal``, ``StoreError``, ``SystemError``.
  static func open(_ path: String) throws -> ChallengeFile? {
    guard let handle = try SharedFiles.open(path, flags: .readWrite) else { return nil }
    let status = try handle.status()
    if status.size == 0 { return nil }
    let start = try handle.read(count: ChallengeFileHeader.width, at: 0)
    guard let header = ChallengeFileHeader(start) else {
      let first = try handle.read(count: ChallengeRecord.width, at: offset(of: 0))
      throw ChallengeFileHeader.isSimilar(start) || ChallengeRecord(first) != nil
        ? Refusal.damaged : Refusal.foreign
    }
    return ChallengeFile(path: path, identity: status.identity, header: header, handle: handle)
  }

  /// Bytes.
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
      try handle.read(count: 16, at: ChallengeFileHeader.usedOffset), at: 0) ?? 0
  }

  /// Cuts off all records.
  func cutRecords() throws {
    try handle.truncate(to: ChallengeFileHeader.width)
  }

  /// When its last record expires, milliseconds since 1970; nil without records. Where that record is
  /// damaged, the time of the last change stands in for it.
  /// - Parameter lifetime: seconds.
  func lastExpiry(lifetime: Int) throws -> Int? {
    let status = try handle.status()
    let count = Self.count(size: status.size)
    guard count > 0 else { return nil }
    return try record(at: count - 1)?.expiry ?? status.modified / 1_000_000 + lifetime * 1000
  }

  /// Cuts off bytes behind the last whole record.
  /// - Returns: the bytes, which a write cut short by a crash or a full disk left.
  func cutTornRecord(size: Int) throws -> [UInt8] {
    let end = Self.offset(of: Self.count(size: size))
    let torn = try handle.read(count: size - end, at: end)
    try handle.truncate(to: end)
    return torn
  }

  /// The index of the first record that is good after `now`, of `count`. Records stand in the order of
  /// their expiry.
  /// - Parameter now: milliseconds since 1970.
  func firstUnexpired(now: Int, count: Int) throws -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if let record = try record(at: middle), record.expiry > now {
        high = middle
      } else {
        low = middle + 1
      }
    }
    return low
  }
}
