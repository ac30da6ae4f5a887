import POSIX

/// What is known of a subject: when its sessions were ended, and its last session.
struct SubjectEntry {
  static let size = 64

  /// SHA-256 of the subject. 32 bytes.
  let hash: [UInt8]
  /// Sessions that began until then are ended. Milliseconds since 1970; 0 if none were.
  var cutoff = 0
  /// The index of the last session; nil if there is none.
  var head: Int?
  /// The offset of the subject's text in the table; nil if it stands in the slots.
  var text: Int?
  /// The offset of the reason for the cutoff in the table; nil if there is none.
  var reason: Int?

  init(hash: [UInt8]) { self.hash = hash }

  fileprivate init(_ sector: Sector, at offset: Int) {
    hash = sector[offset..<offset + 32]
    cutoff = sector[integer: offset + 32]
    head = SessionSlot.link(sector[integer: offset + 40])
    text = sector[integer: offset + 48] > 0 ? sector[integer: offset + 48] : nil
    reason = sector[integer: offset + 56] > 0 ? sector[integer: offset + 56] : nil
  }

  fileprivate func write(to sector: inout Sector, at offset: Int) {
    sector[offset..<offset + 32] = hash
    sector[integer: offset + 32] = cutoff
    sector[integer: offset + 40] = head.map { $0 + 1 } ?? 0
    sector[integer: offset + 48] = text ?? 0
    sector[integer: offset + 56] = reason ?? 0
  }
}

/// A hash table of subjects in a file: a header, buckets of one sector and seven entries each, and texts.
///
/// An entry stands in one of the four buckets that follow its hash. If all are full, a larger table takes the
/// place of this one. So a look-up reads at most four sectors, however many subjects there are.
final class SubjectTable: Sendable {
  private enum Header {
    static let magic = Array("pico-auth-subj-1".utf8)
    static let magicAt = 8
    static let seedAt = 24
    static let bucketsAt = 40
    static let cutoffAt = 48
  }

  /// A bucket, and the place of an entry in it.
  struct Place {
    fileprivate var sector: Sector
    fileprivate let offset: Int
    fileprivate let position: Int
    /// The entry; nil if the subject has none, and the place is free.
    let entry: SubjectEntry?
  }

  private static let entriesPerBucket = 7
  private static let countAt = 8
  private static let entriesAt = 64
  private static let probes = 4
  private static let leastBuckets = 64
  /// The length of a reason, with the NULs behind it. So the next reason fits in its place. Bytes.
  static let reasonSize = 255
  /// No text is longer. Bytes.
  private static let longestText = 1 << 16

  let path: String
  let handle: FileHandle
  let identity: FileStatus.Identity
  let flush: SharedFlush
  /// A cutoff for all subjects, which a repair sets if it can't tell whose cutoffs are lost. Milliseconds
  /// since 1970; 0 for none.
  let generalCutoff: Int
  /// Scatters subjects over the buckets. Nobody knows it, so nobody can fill one bucket on purpose.
  private let seed: (UInt64, UInt64)
  private let buckets: Int
  private let flushData: SharedFlush.FlushData

  private init(
    path: String, handle: FileHandle, identity: FileStatus.Identity, header: Sector,
    flushData: @escaping SharedFlush.FlushData
  ) {
    self.path = path
    self.handle = handle
    self.identity = identity
    flush = SharedFlush(handle, path: path, flushData: flushData)
    self.flushData = flushData
    generalCutoff = header[integer: Header.cutoffAt]
    seed = (
      UInt64(bitPattern: Int64(header[integer: Header.seedAt])),
      UInt64(bitPattern: Int64(header[integer: Header.seedAt + 8]))
    )
    buckets = max(1, header[integer: Header.bucketsAt])
  }

  /// Opens a table. Nil if there is none.
  /// - Throws: ``DamagedSector`` if it isn't one or its header is damaged; ``StoreError``, ``SystemError``.
  static func open(
    _ path: String, flushData: @escaping SharedFlush.FlushData = SharedFlush.flushData
  ) throws -> SubjectTable? {
    guard let handle = try SharedFiles.openToChange(path) else { return nil }
    guard case .sector(let header) = try Sector.content(of: handle, at: 0),
      header.holds(Header.magic, at: Header.magicAt)
    else { throw DamagedSector() }
    return SubjectTable(
      path: path, handle: handle, identity: try handle.status().identity, header: header, flushData: flushData
    )
  }

  /// Makes a new table without a name of its own yet.
  /// - Parameters:
  ///   - draft: the path of its file. What stands there is replaced.
  ///   - path: the name that it gets.
  ///   - buckets: how many buckets it has, at least.
  /// - Throws: ``SystemError``.
  static func make(
    draft: String, for path: String, buckets: Int = leastBuckets, generalCutoff: Int = 0,
    flushData: @escaping SharedFlush.FlushData = SharedFlush.flushData
  ) throws(SystemError) -> SubjectTable {
    try Files.remove(draft)
    let handle = try FileHandle(path: draft, flags: .createNew)
    var header = Sector()
    header[Header.magicAt..<Header.magicAt + Header.magic.count] = Header.magic
    header[Header.seedAt..<Header.seedAt + 16] = SecureRandom.bytes(16)
    header[integer: Header.bucketsAt] = buckets
    header[integer: Header.cutoffAt] = generalCutoff
    try header.write(to: handle, at: 0)
    var empty = Sector()
    empty.seal()
    let piece = 512
    let pieces = [UInt8]((0..<piece).map { _ in empty.bytes }.joined())
    let count = buckets + probes - 1
    for start in stride(from: 0, to: count, by: piece) {
      try handle.writeAll(
        Array(pieces.prefix(min(piece, count - start) * Sector.size)), at: offset(ofBucket: start))
    }
    return SubjectTable(
      path: path, handle: handle, identity: try handle.status().identity, header: header, flushData: flushData
    )
  }

  private static func offset(ofBucket bucket: Int) -> Int { (1 + bucket) * Sector.size }

  // MARK: - Looking up

  /// The entry of a subject; nil if it has none.
  /// - Throws: ``DamagedSector``, ``SystemError``, ``WouldWait``.
  func entry(of hash: [UInt8]) throws -> SubjectEntry? { try place(of: hash)?.entry }

  /// Where a subject's entry stands or can be put. Nil if all its buckets are full.
  /// - Throws: as ``entry(of:)`` does.
  func place(of hash: [UInt8]) throws -> Place? {
    let home = home(of: hash)
    for bucket in home..<home + Self.probes {
      let offset = Self.offset(ofBucket: bucket)
      guard case .sector(let sector) = try Sector.content(of: handle, at: offset) else {
        throw DamagedSector()
      }
      let count = sector[integer: Self.countAt]
      for position in 0..<min(count, Self.entriesPerBucket) {
        let start = Self.entriesAt + position * SubjectEntry.size
        if sector.holds(hash, at: start) {
          return Place(
            sector: sector, offset: offset, position: position, entry: SubjectEntry(sector, at: start))
        }
      }
      if count < Self.entriesPerBucket {
        return Place(sector: sector, offset: offset, position: count, entry: nil)
      }
    }
    return nil
  }

  private func home(of hash: [UInt8]) -> Int {
    let (one, two) = hash.withUnsafeBytes {
      ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    }
    let product = (one ^ seed.0).multipliedFullWidth(by: two ^ seed.1)
    return Int((product.high ^ product.low) % UInt64(buckets))
  }

  /// The text at an offset.
  /// - Throws: as ``entry(of:)`` does.
  func text(at offset: Int) throws -> [UInt8] {
    func read(_ count: Int, _ offset: Int) throws -> [UInt8] {
      guard !Waiting.isAllowed else { return try handle.read(count: count, at: offset) }
      guard let bytes = try handle.readCached(count: count, at: offset) else { throw WouldWait() }
      return bytes
    }
    let head = try read(8, offset)
    guard head.count == 8 else { throw DamagedSector() }
    let (count, checksum) = head.withUnsafeBytes {
      (
        UInt32(littleEndian: $0.loadUnaligned(as: UInt32.self)),
        UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
      )
    }
    guard count <= Self.longestText else { throw DamagedSector() }
    let text = try read(Int(count), offset + 8)
    guard text.count == count, CRC32C.checksum(text[...]) == checksum else { throw DamagedSector() }
    return text
  }

  /// The reason at an offset.
  /// - Throws: as ``entry(of:)`` does.
  func reason(at offset: Int) throws -> String {
    let text = try text(at: offset)
    return String(decoding: text[..<(text.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0)], as: UTF8.self)
  }

  // MARK: - Under the lock

  /// Writes an entry, whole or not at all.
  /// - Throws: ``SystemError``.
  func write(_ entry: SubjectEntry, at place: Place) throws(SystemError) {
    var sector = place.sector
    entry.write(to: &sector, at: Self.entriesAt + place.position * SubjectEntry.size)
    sector[integer: Self.countAt] = max(sector[integer: Self.countAt], place.position + 1)
    try sector.write(to: handle, at: place.offset)
  }

  /// Appends a text.
  /// - Returns: its offset.
  /// - Throws: ``SystemError``. If the disk is full, what it took is cut off again.
  func append(_ text: [UInt8]) throws(SystemError) -> Int {
    let offset = try handle.status().size
    do throws(SystemError) {
      try handle.writeAll(Self.record(of: text), at: offset)
    } catch {
      try? handle.truncate(to: offset)
      throw error
    }
    return offset
  }

  /// Writes a reason of at most 255 bytes, in the place of the subject's last one.
  ///
  /// A power loss may leave neither. The cutoff doesn't depend on it.
  /// - Parameter known: the offset of the last one; nil if there is none.
  /// - Returns: its offset.
  /// - Throws: as ``append(_:)`` does.
  func put(reason: [UInt8], at known: Int?) throws(SystemError) -> Int {
    let text = reason + [UInt8](repeating: 0, count: Self.reasonSize - reason.count)
    guard let known, (try? self.text(at: known))?.count == text.count else { return try append(text) }
    try handle.writeAll(Self.record(of: text), at: known)
    return known
  }

  /// A text behind its length and checksum.
  private static func record(of text: [UInt8]) -> [UInt8] {
    withUnsafeBytes(of: UInt32(text.count).littleEndian, Array.init)
      + withUnsafeBytes(of: CRC32C.checksum(text[...]).littleEndian, Array.init) + text
  }

  /// Calls a body with each entry, bucket by bucket.
  /// - Parameter damaged: called for each damaged bucket, with its offset in bytes.
  /// - Throws: ``SystemError``, and what the bodies throw.
  func forEach(_ body: (SubjectEntry) throws -> Void, damaged: (_ offset: Int) throws -> Void) throws {
    for bucket in 0..<buckets + Self.probes - 1 {
      let offset = Self.offset(ofBucket: bucket)
      guard case .sector(let sector) = try Sector.content(of: handle, at: offset) else {
        try damaged(offset)
        continue
      }
      for position in 0..<min(sector[integer: Self.countAt], Self.entriesPerBucket) {
        try body(SubjectEntry(sector, at: Self.entriesAt + position * SubjectEntry.size))
      }
    }
  }

  /// Forgets all heads, to link the sessions anew. Damaged buckets stay as they are.
  /// - Throws: ``SystemError``.
  func forgetHeads() throws {
    for bucket in 0..<buckets + Self.probes - 1 {
      let offset = Self.offset(ofBucket: bucket)
      guard case .sector(var sector) = try Sector.content(of: handle, at: offset) else { continue }
      let count = min(sector[integer: Self.countAt], Self.entriesPerBucket)
      guard count > 0 else { continue }
      for position in 0..<count {
        let start = Self.entriesAt + position * SubjectEntry.size
        var entry = SubjectEntry(sector, at: start)
        entry.head = nil
        entry.write(to: &sector, at: start)
      }
      try sector.write(to: handle, at: offset)
    }
  }

  /// A copy of the table in a draft, which isn't flushed.
  /// - Parameters:
  ///   - isLarger: whether the copy has room for more subjects.
  ///   - keep: what to keep of an entry; nil for nothing.
  ///   - damaged: as for ``forEach(_:damaged:)``.
  /// - Throws: ``SystemError``, and what the bodies throw.
  func copy(
    draft: String, generalCutoff: Int, isLarger: Bool, keep: (SubjectEntry) throws -> SubjectEntry?,
    damaged: (_ offset: Int) throws -> Void
  ) throws -> SubjectTable {
    var kept = 0
    try forEach({ if try keep($0) != nil { kept += 1 } }, damaged: { _ in })
    var buckets = max(Self.leastBuckets, isLarger ? kept / 2 : kept / 4)
    while true {
      let copy = try Self.make(
        draft: draft, for: path, buckets: buckets, generalCutoff: max(self.generalCutoff, generalCutoff),
        flushData: flushData)
      var isFull = false
      try forEach(
        { entry in
          guard !isFull, var entry = try keep(entry) else { return }
          guard let place = try copy.place(of: entry.hash) else {
            isFull = true
            return
          }
          // A lost reason is no reason to lose the cutoff.
          entry.reason = try entry.reason.flatMap { try? text(at: $0) }.map { try copy.append($0) }
          entry.text = try entry.text.flatMap { try? text(at: $0) }.map { try copy.append($0) }
          try copy.write(entry, at: place)
        }, damaged: damaged)
      if !isFull { return copy }
      buckets *= 2
    }
  }
}
