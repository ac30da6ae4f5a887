import Glibc
import Logging
import POSIX
import Synchronization
import Wire

/// The two files of sessions: the slots, and the table of subjects. It opens them, makes them, and replaces
/// one that the disk failed to take.
///
/// Readers take no lock. Writers lock `<path>.lock` and the file of slots itself, as ``AppendLog`` does.
final class SessionFiles: @unchecked Sendable {
  /// Both files, open.
  struct Files {
    let data: SessionFile
    let table: SubjectTable
  }

  let path: String
  let tablePath: String
  private let boot: String?
  private let flushData: SharedFlush.FlushData
  private let logger: Logger
  private let lock: FileLock
  private let opened = Mutex<(data: SessionFile?, table: SubjectTable?)>((nil, nil))

  // Guarded by the lock.
  /// The files that this process has checked.
  private var checked: (data: FileStatus.Identity, table: FileStatus.Identity)?
  /// The file whose own lock is held.
  private var held: SessionFile?
  /// When to stop waiting for that lock, in ``Clock/monotonicNanoseconds``.
  private var deadline: UInt64 = 0

  /// - Parameter boot: the current boot's ``BootID``; nil if it is unknown.
  init(
    path: String, boot: String?, flushData: @escaping SharedFlush.FlushData = SharedFlush.flushData,
    logger: Logger
  ) {
    self.path = path
    self.flushData = flushData
    self.boot = boot
    self.logger = logger
    tablePath = Self.tablePath(of: path)
    lock = FileLock(path: Self.lockPath(of: path))
  }

  /// Tells a table that is gone from one that was never made.
  var tableNote: SubjectTableNote { SubjectTableNote(path: path) }

  private static let tableSuffix = ".subjects"

  /// The path of the table of subjects beside a file of sessions.
  static func tablePath(of path: String) -> String { path + tableSuffix }

  static func lockPath(of path: String) -> String { path + ".lock" }

  /// The path of the file of sessions beside a table of subjects.
  static func path(ofTable path: String) -> String { String(path.dropLast(tableSuffix.count)) }

  /// Whether the links between sessions are made anew after a boot, so that they needn't be flushed.
  var relinksAfterBoot: Bool { boot != nil }

  // MARK: - Reading

  /// Both files as they are now; nil if there are no sessions.
  /// - Throws: ``StoreError``, ``SystemError``, ``WouldWait``.
  func reading() throws -> Files? {
    guard let data = try currentData() else {
      try requireTable()
      return nil
    }
    guard let table = try currentTable() else { throw tableIsGone }
    return Files(data: data, table: table)
  }

  /// The table as it is now; nil if there is none, and no sessions.
  /// - Throws: as ``reading()`` does.
  func readingTable() throws -> SubjectTable? {
    if let table = try currentTable() { return table }
    try requireTable()
    return try currentTable()
  }

  private func requireTable() throws {
    if try tableNote.isTableGone() { throw tableIsGone }
  }

  /// Runs a body that reads without the lock. A sector that looks damaged may be one that another process is
  /// writing, so the body runs again, at last under the lock.
  /// - Throws: ``DamagedSector`` if the sector is damaged; ``WouldWait``, and what the body throws.
  func settled<Value>(_ body: () throws -> Value) throws -> Value {
    for _ in 0..<4 {
      do {
        return try body()
      } catch is DamagedSector {
        sched_yield()
      }
    }
    guard Waiting.isAllowed else { throw WouldWait() }
    return try lock.withLock(body)
  }

  /// Runs a body, and turns its errors into those of a store.
  func translating<Value>(_ body: () throws -> Value) throws -> Value {
    do {
      return try StoreError.translating(path, body)
    } catch is DamagedSector {
      throw StoreError("\(path) or \(tablePath) is damaged; run pico-auth store verify --repair")
    } catch is LostLock {
      throw StoreError("\(path): another program removed its lock meanwhile; try again")
    }
  }

  private var tableIsGone: StoreError {
    StoreError(
      "\(tablePath): is gone, and with it which sessions were ended; put it back, or run pico-auth store verify --repair"
    )
  }

  func currentData() throws -> SessionFile? {
    // A pipe has no size. Opening it fails.
    guard let status = try FileStatus.ofFile(at: path), status.size > 0 || status.type != .regular else {
      return nil
    }
    if let data = opened.withLock({ $0.data }), data.identity == status.identity { return data }
    let data = try SessionFile.open(path, flushData: flushData)
    opened.withLock { $0.data = data }
    return data
  }

  func currentTable() throws -> SubjectTable? {
    guard let status = try FileStatus.ofFile(at: tablePath) else { return nil }
    if let table = opened.withLock({ $0.table }), table.identity == status.identity { return table }
    let table = try SubjectTable.open(tablePath, flushData: flushData)
    opened.withLock { $0.table = table }
    return table
  }

  // MARK: - Writing

  /// Runs a body under the lock. Makes the files if there are none, and repairs what a crash left of them.
  ///
  /// The body runs again if another program removes the lock file while ``place(of:_:)`` replaces the table.
  /// - Throws: ``StoreError`` if the lock isn't free within 5 s; ``SystemError``, ``WouldWait``, and what the
  ///   body throws.
  func locked<Value>(_ body: (Files) throws -> Value) throws -> Value {
    guard Waiting.isAllowed else { throw WouldWait() }
    for _ in 1..<Self.attempts {
      do {
        return try withLock { try body(try open()) }
      } catch is LostLock {
        continue
      }
    }
    return try withLock { try body(try open()) }
  }

  /// Another program removed the lock file while this process was about to replace a file. Nothing changed.
  private struct LostLock: Error {}
  private static let attempts = 100

  /// As ``locked(_:)``, but doesn't wait for the lock: at most 5 ms if this thread may wait.
  /// - Throws: as ``locked(_:)`` does. ``WouldWait`` also if there is something to repair.
  func lockedIfFree(_ body: (Files) throws -> Void) throws {
    let patience: UInt64 = Waiting.isAllowed ? 5_000_000 : 0
    try Deadline.with(min(Deadline.current, Clock.monotonicNanoseconds + patience)) {
      try withLock { try body(try open()) }
    }
  }

  func withLock<Value>(_ body: () throws -> Value) throws -> Value {
    try lock.withLockAndDeadline { deadline in
      self.deadline = deadline
      defer { release() }
      return try body()
    }
  }

  /// What to wait for after a write. Make it under the lock.
  struct Ticket {
    fileprivate var flushes: [(flush: SharedFlush, number: Int)] = []

    /// A ticket for all that was written to these files before.
    init(data: SessionFile? = nil, table: SubjectTable? = nil) {
      if let flush = data?.flush { flushes.append((flush, flush.ticket())) }
      if let flush = table?.flush { flushes.append((flush, flush.ticket())) }
    }
  }

  /// Waits, without the lock, until a write is on the disk.
  /// - Throws: ``StoreError``.
  func waitUntilDurable(_ ticket: Ticket) throws {
    do throws(SystemError) {
      for (flush, number) in ticket.flushes { try flush.wait(for: number) }
    } catch {
      // Immediately, because no other process learns of the failure.
      if ticket.flushes.contains(where: { $0.flush.isSuspect }) { _ = try? locked { _ in } }
      throw StoreError(
        "\(error.at(path))\(error.code == ETIMEDOUT ? "; the disk takes longer than 10 s" : "")")
    }
  }

  // MARK: - Under the lock

  /// Where a subject's entry stands or can be put. If there is no room, a larger table takes the place of the
  /// table.
  /// - Throws: ``DamagedSector``, ``StoreError``, ``SystemError``.
  func place(of hash: [UInt8], _ files: Files) throws -> (Files, SubjectTable.Place) {
    if let place = try files.table.place(of: hash) { return (files, place) }
    let first = try files.data.state().first
    let table = try replaceTable(files, isLarger: true) { entry in
      entry.cutoff > 0 || (entry.head ?? -1) >= first ? entry : nil
    }
    return try place(of: hash, Files(data: files.data, table: table))
  }

  private func open() throws -> Files {
    while true {
      guard let data = try currentData() else {
        guard Waiting.isAllowed else { throw WouldWait() }
        try make()
        continue
      }
      try hold(data)
      // The process that held its lock may have replaced it.
      guard try currentData() === data else { continue }
      guard let table = try currentTable() else { throw tableIsGone }
      var files = Files(data: data, table: table)
      if try isChecked(data, table) { return files }
      if try isSuspect(data.flush, path) {
        try renewing(path) { try renew(data) }
        continue
      }
      if try isSuspect(table.flush, tablePath) {
        try renewing(tablePath) { _ = try replaceTable(files, isLarger: false) { $0 } }
        continue
      }
      let state = try data.state()
      if let boot, state.boot?.hasSameBytes(as: boot) != true { files = try relink(files, state, boot) }
      // On a full disk, a later process notes it.
      try? tableNote.write()
      checked = (files.data.identity, files.table.identity)
      return files
    }
  }

  private func isChecked(_ data: SessionFile, _ table: SubjectTable) throws -> Bool {
    guard let checked else { return false }
    return checked == (data.identity, table.identity) && !data.flush.isSuspect && !table.flush.isSuspect
  }

  private func mark(_ path: String) -> String { path + ".suspect" }

  /// Whether a flush of a file has failed, in this process or in one that couldn't replace it.
  private func isSuspect(_ flush: SharedFlush, _ path: String) throws -> Bool {
    try flush.isSuspect || FileStatus.ofFile(at: mark(path)) != nil
  }

  private func renewing(_ path: String, _ body: () throws -> Void) throws {
    guard Waiting.isAllowed else { throw WouldWait() }
    logger.error("the disk failed to take the file; it is written anew", metadata: ["file": "\(path)"])
    _ = try? FileHandle(path: mark(path), flags: .create)
    try body()
    try POSIX.Files.remove(mark(path))
  }

  func hold(_ data: SessionFile) throws {
    if held === data { return }
    release()
    try FileLock.wait(for: data.handle, path: path, until: deadline)
    held = data
  }

  private func release() {
    held?.handle.unlock()
    held = nil
  }

  // MARK: - Making and replacing files

  /// Makes the files, or the one that is missing. What an earlier table says about ended sessions stays.
  private func make() throws {
    try POSIX.Files.makeFolder(POSIX.Files.parent(of: path))
    let hasTable = try currentTable() != nil
    if hasTable {
      logger.warning("file is gone; pico-auth begins a new one", metadata: ["file": "\(path)"])
    } else {
      try requireTable()
      try make(tablePath) { try SubjectTable.make(draft: $0, for: tablePath).handle }
    }
    try make(path) { draft in
      let handle = try FileHandle(path: draft, flags: .createNew)
      // The table may link to sessions that are gone, so the links are made anew.
      try SessionFile.writeHeader(
        to: handle, maskKey: SecureRandom.bytes(32), base: 0, boot: hasTable ? nil : boot)
      return handle
    }
  }

  /// Makes a file that another process may be making too.
  private func make(_ path: String, _ write: (_ draft: String) throws -> FileHandle) throws {
    let draft = "\(path).\(getpid()).\(UInt32.random(in: 0 ... .max)).new"
    defer { try? POSIX.Files.remove(draft) }
    try write(draft).synchronize()
    if try FileStatus.ofFile(at: path)?.size == 0 { try POSIX.Files.remove(path) }
    if try POSIX.Files.renameIfFree(draft, to: path) { try POSIX.Files.synchronizeFolder(of: path) }
  }

  /// Flushes a draft and gives it a file's name. Call this under the lock of the file of sessions.
  func name(_ handle: FileHandle, _ draft: String, _ path: String) throws {
    try handle.synchronize()
    guard lock.isCurrent() else { throw LostLock() }
    try POSIX.Files.rename(draft, to: path)
    try POSIX.Files.synchronizeFolder(of: path)
  }

  /// Writes the slots to a new file, which begins with the first live session.
  private func renew(_ data: SessionFile) throws {
    let draft = path + ".new"
    try name(try data.copy(draft: draft), draft, path)
  }

  /// Writes the table to a new file.
  /// - Throws: ``DamagedSector`` if a bucket is damaged: it may hold cutoffs.
  private func replaceTable(
    _ files: Files, isLarger: Bool, keep: (SubjectEntry) -> SubjectEntry?
  ) throws -> SubjectTable {
    let draft = tablePath + ".new"
    let copy = try files.table.copy(draft: draft, generalCutoff: 0, isLarger: isLarger, keep: keep) { _ in
      throw DamagedSector()
    }
    try copy.handle.giveOwner(of: files.table.handle)
    try name(copy.handle, draft, tablePath)
    opened.withLock { $0.table = copy }
    if checked?.table == files.table.identity { checked?.table = copy.identity }
    return copy
  }

  /// Links the sessions anew, for the first writer after a boot.
  func relink(_ files: Files, _ state: SessionFile.State, _ boot: String) throws -> Files {
    guard Waiting.isAllowed else { throw WouldWait() }
    var state = state
    let relinked = try SessionRelinking(files: self, logger: logger).run(files, first: state.first)
    // First the links, then the note that they are right.
    try relinked.table.handle.synchronizeData()
    try relinked.data.handle.synchronizeData()
    state.boot = boot
    try relinked.data.write(state)
    checked = (relinked.data.identity, relinked.table.identity)
    return relinked
  }
}
