import POSIX

/// The file of sessions: a header, the file's state, and a slot for each session in the order in which they
/// began. A slot is never used again. Its index is that of its session for ever.
///
/// Slots whose sessions are over are given back to the file system from the front, as holes. So the file's
/// size grows, and its space on the disk doesn't.
final class SessionFile: Sendable {
  private enum Header {
    static let magic = Array("pico-auth-sess-1".utf8)
    static let magicAt = 8
    static let maskKeyAt = 24
    static let baseAt = 56
  }

  /// The sector that changes: where the live sessions begin, and the boot in which the links between sessions
  /// were right last.
  struct State {
    private static let firstAt = 8
    private static let bootAt = 16

    /// The sessions below this index are over. It may be too low.
    var first: Int
    /// The ``BootID``; nil if the links must be checked.
    var boot: String?

    fileprivate init(first: Int, boot: String? = nil) {
      self.first = first
      self.boot = boot
    }

    fileprivate init(_ sector: Sector) {
      first = sector[integer: Self.firstAt]
      boot = String(decoding: sector[Self.bootAt..<Self.bootAt + BootID.width], as: UTF8.self)
    }

    fileprivate var sector: Sector {
      var sector = Sector()
      sector[integer: Self.firstAt] = first
      if let boot, boot.utf8.count == BootID.width {
        sector[Self.bootAt..<Self.bootAt + BootID.width] = Array(boot.utf8)
      }
      return sector
    }
  }

  /// What a slot holds.
  enum Content {
    case slot(SessionSlot)
    /// The session was never written, or is over and was given back.
    case nothing
    case damaged
  }

  /// The offset of the state in the file. Bytes.
  private static let stateOffset = Sector.size
  /// The offset of the first slot. Bytes.
  static let headerSize = 2 * Sector.size

  let path: String
  let handle: FileHandle
  let identity: FileStatus.Identity
  let flush: SharedFlush
  /// The key with which positions are masked in identifiers. 32 bytes.
  let maskKey: [UInt8]
  /// The index of the first slot.
  let base: Int

  private init(
    path: String, handle: FileHandle, identity: FileStatus.Identity, maskKey: [UInt8], base: Int,
    flushData: @escaping SharedFlush.FlushData
  ) {
    self.path = path
    self.handle = handle
    self.identity = identity
    self.maskKey = maskKey
    self.base = base
    flush = SharedFlush(handle, path: path, flushData: flushData)
  }

  /// Opens a file. Nil if there is none, or if it is empty.
  /// - Throws: ``DamagedSector`` if it isn't a file of sessions or its header is damaged; ``StoreError``,
  ///   ``SystemError``.
  static func open(
    _ path: String, flushData: @escaping SharedFlush.FlushData = SharedFlush.flushData
  ) throws -> SessionFile? {
    guard let handle = try SharedFiles.openToChange(path) else { return nil }
    let status = try handle.status()
    if status.size == 0 { return nil }
    guard case .sector(let header) = try Sector.content(of: handle, at: 0),
      header.holds(Header.magic, at: Header.magicAt)
    else { throw DamagedSector() }
    return SessionFile(
      path: path, handle: handle, identity: status.identity,
      maskKey: header[Header.maskKeyAt..<Header.maskKeyAt + 32], base: header[integer: Header.baseAt],
      flushData: flushData)
  }

  /// Writes the header of a new file.
  /// - Parameters:
  ///   - base: the index of its first slot.
  ///   - boot: the current boot's ``BootID``, if the links are right.
  /// - Throws: ``SystemError``.
  static func writeHeader(
    to handle: FileHandle, maskKey: [UInt8], base: Int, boot: String?
  ) throws(SystemError) {
    var header = Sector()
    header[Header.magicAt..<Header.magicAt + Header.magic.count] = Header.magic
    header[Header.maskKeyAt..<Header.maskKeyAt + 32] = maskKey
    header[integer: Header.baseAt] = base
    try header.write(to: handle, at: 0)
    var state = State(first: base, boot: boot).sector
    try state.write(to: handle, at: stateOffset)
  }

  /// The offset of a slot in the file. Bytes.
  func offset(of index: Int) -> Int { Self.headerSize + (index - base) * Sector.size }

  /// The index behind the last slot. Never below the first live session, even if another program cut the
  /// file: a new session there would count as over.
  /// - Throws: ``SystemError``, ``WouldWait``.
  func end() throws -> Int {
    max(try state().first, base + max(0, try handle.status().size - Self.headerSize) / Sector.size)
  }

  /// Reads a slot.
  /// - Throws: ``SystemError``, ``WouldWait``.
  func content(at index: Int) throws -> Content {
    guard index >= base else { return .nothing }
    return Self.content(try Sector.content(of: handle, at: offset(of: index)))
  }

  /// Reads slots in one piece: those from an index on, at most `count` of them.
  /// - Throws: ``SystemError``.
  func contents(from index: Int, count: Int) throws(SystemError) -> [Content] {
    let bytes = try handle.read(count: count * Sector.size, at: offset(of: index))
    return stride(from: 0, to: bytes.count - Sector.size + 1, by: Sector.size).map {
      Self.content(Sector.content(Array(bytes[$0..<$0 + Sector.size])))
    }
  }

  private static func content(_ content: Sector.Content) -> Content {
    switch content {
    case .nothing: .nothing
    case .damaged: .damaged
    case .sector(let sector): SessionSlot(sector).map { .slot($0) } ?? .damaged
    }
  }

  // MARK: - Under the lock

  /// The slot at an index; nil if there is none, or if it is damaged.
  func slot(at index: Int) throws -> SessionSlot? {
    guard case .slot(let slot) = try content(at: index) else { return nil }
    return slot
  }

  /// Writes a slot, whole or not at all. One at the end of the file is appended.
  /// - Throws: ``SystemError``.
  func write(_ slot: SessionSlot, at index: Int) throws(SystemError) {
    let isNew = try offset(of: index) >= handle.status().size
    var sector = slot.sector
    do throws(SystemError) {
      try sector.write(to: handle, at: offset(of: index))
    } catch {
      if isNew { try? handle.truncate(to: offset(of: index)) }
      throw error
    }
  }

  /// Removes the last slots, from an index on.
  /// - Throws: ``SystemError``.
  func removeSlots(from index: Int) throws(SystemError) { try handle.truncate(to: offset(of: index)) }

  /// The file's state. If it is damaged, all sessions may be live and all links wrong.
  /// - Throws: ``SystemError``, ``WouldWait``.
  func state() throws -> State {
    guard case .sector(let sector) = try Sector.content(of: handle, at: Self.stateOffset) else {
      return State(first: base)
    }
    var state = State(sector)
    state.first = max(state.first, base)
    return state
  }

  func write(_ state: State) throws(SystemError) {
    var sector = state.sector
    try sector.write(to: handle, at: Self.stateOffset)
  }

  /// How many slots are given back at once: 64 KiB.
  private static let holeCount = 128
  private static let pageSize = 4096

  /// Moves the first live session on over at most two that are over, and gives their space back from time to
  /// time. Does nothing if the clock may be ahead.
  /// - Parameter now: seconds since 1970.
  /// - Throws: ``SystemError``.
  func forgetExpired(_ state: State, now: Int) throws {
    var state = state
    let (before, end) = (state.first, try end())
    while state.first < min(end, before + 2) {
      // Damage here would keep the space for ever.
      if let slot = try slot(at: state.first), slot.expiresAt > now { break }
      state.first += 1
    }
    guard try state.first > before && isConfirmed(now, before..<end) else { return }
    try write(state)
    let full = (state.first - base) / Self.holeCount * Self.holeCount + base
    guard full > before else { return }
    // Only whole pages are given back. The first one holds the header.
    let start = max(Self.pageSize, offset(of: full - Self.holeCount) / Self.pageSize * Self.pageSize)
    try? handle.punchHole(start..<offset(of: full))
  }

  /// A session that confirms the clock began at least so long ago, as a mint does in ``MintRetention``.
  /// Milliseconds.
  private static let confirmedAfter = 86400 * 1000
  /// And at most so long ago. Milliseconds.
  private static let confirmedWithin = 8 * 86400 * 1000

  /// Whether some session began between one and eight days ago. Right after the clock jumps ahead, there is none.
  ///
  /// A binary search suffices, because sessions are in the order of their time. It reads some 20 slots of a
  /// million. If the clock was wrong once, it may miss such a session, and never finds one that isn't there.
  /// - Parameters:
  ///   - now: seconds since 1970.
  ///   - range: the indexes to search.
  private func isConfirmed(_ now: Int, _ range: Range<Int>) throws -> Bool {
    var (low, high) = (range.lowerBound, range.upperBound)
    while low < high {
      let middle = (low + high) / 2
      let age = try slot(at: middle).map { now * 1000 - $0.createdAt } ?? .max
      if age < Self.confirmedAfter {
        high = middle
      } else if age > Self.confirmedWithin {
        low = middle + 1
      } else {
        return true
      }
    }
    return false
  }

  private static let pieceSize = 1 << 18

  /// Copies the slots, from the first live session on, to a new file.
  /// - Parameter draft: the path of the new file. A file that an interrupted process left there is removed.
  /// - Returns: the new file. Flush it before you give it its name.
  /// - Throws: ``SystemError``.
  func copy(draft: String) throws -> FileHandle {
    let state = try state()
    try Files.remove(draft)
    let copy = try FileHandle(path: draft, flags: .createNew)
    try copy.giveOwner(of: handle)
    try Self.writeHeader(to: copy, maskKey: maskKey, base: state.first, boot: state.boot)
    var (from, to) = (offset(of: state.first), Self.headerSize)
    while true {
      let piece = try handle.read(count: Self.pieceSize, at: from)
      try copy.writeAll(piece, at: to)
      (from, to) = (from + piece.count, to + piece.count)
      if piece.count < Self.pieceSize { return copy }
    }
  }
}
