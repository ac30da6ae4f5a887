import Crypto
import Glibc
import Logging
import POSIX
import Synchronization
import Wire

/// Challenges in two files that all workers share. There is no index: a challenge holds the position of its
/// record, so one pending challenge costs as much as a million, in a worker and in a CGI process.
///
/// Records are appended to `<path>`. When its first record and all of `<path>.1` have expired, `<path>`
/// replaces `<path>.1` and a new file begins.
///
/// Challenges aren't flushed to the disk. A power failure may undo the use of a challenge, so challenges of
/// an earlier boot are void, and clients ask for new ones. If the boot can't be determined, each use is
/// flushed.
public final class JSONLChallengeStore: ChallengeStore, @unchecked Sendable {
  private let path: String
  private let lifetime: Int
  private let limit: Int
  private let reserve: SpaceReserve?
  private let boot: String?
  private let clock: Clock
  private let logger: Logger
  private let lock: FileLock
  /// How many challenges were pending when the last one was made; 0 if they were fewer than half of the
  /// limit.
  private let pending = Atomic<Int>(0)

  // Guarded by the lock.
  private var current: ChallengeFile?
  private var previous: ChallengeFile?
  /// Milliseconds since 1970; nil before it is read from the file.
  private var firstExpiryOfCurrent: Int?
  /// Milliseconds since 1970; 0 if there is no such file.
  private var lastExpiryOfPrevious = 0
  /// The file whose own lock is held. Another program may remove the lock file. Of two processes that then
  /// lock different files of that name, the second waits here.
  private var held: ChallengeFile?
  /// When to stop waiting for that lock, in ``Clock/monotonicNanoseconds``.
  private var deadline: UInt64 = 0

  /// - Parameters:
  ///   - path: the file. `<path>.1` and `<path>.lock` are beside it. All are made at first use.
  ///   - lifetime: how long a challenge is valid. Seconds.
  ///   - limit: how many challenges may be pending, all addresses together.
  ///   - reserve: the free space that challenges must leave on the disk; nil for none.
  ///   - clock: the time of day.
  ///   - logger: gets what the store repairs or sets aside.
  public convenience init(
    path: String, lifetime: Int, limit: Int, reserve: SpaceReserve? = nil, clock: Clock, logger: Logger
  ) {
    self.init(
      path: path, lifetime: lifetime, limit: limit, reserve: reserve, boot: BootID.current, clock: clock,
      logger: logger)
  }

  /// - Parameter boot: the current boot's ``BootID``; nil if it is unknown.
  init(
    path: String, lifetime: Int, limit: Int, reserve: SpaceReserve? = nil, boot: String?, clock: Clock,
    logger: Logger
  ) {
    self.path = path
    self.lifetime = lifetime
    self.limit = limit
    self.reserve = reserve
    self.boot = boot
    self.clock = clock
    self.logger = logger
    self.lock = FileLock(path: path + ".lock")
  }

  public func create(for address: String) throws -> String {
    try reserve?.require(ChallengeRecord.width)
    let random = SecureRandom.bytes(ChallengePosition.randomSize)
    let addressHash = Self.hash(address)
    return try storing {
      let now = milliseconds
      guard now >= 1_000_000_000_000 else {
        throw StoreError("the clock is before the year 2001; set the clock")
      }
      let (file, size) = try openForAppending(now: now)
      try refuseBeyondLimit(file, size: size, now: now)
      let index = ChallengeFile.count(size: size)
      let record = ChallengeRecord(
        random: random, address: addressHash, expiry: now + lifetime * 1000)
      try file.append(record, at: index)
      let position = ChallengePosition(generation: file.header.generation, index: index)
      return Hex.encode(position.challenge(random: random, maskKey: file.header.maskKey))
    }
  }

  public func consume(_ challenge: String, for address: String) throws -> Bool {
    // Only the exact characters count, because the client signed them.
    guard let bytes = Hex.decode(challenge), bytes.count == 32,
      Hex.encode(bytes).hasSameBytes(as: challenge)
    else { return false }
    let addressHash = Self.hash(address)
    let used = try storing { () -> ChallengeFile? in
      let (file, _) = try openCurrent()
      let position = ChallengePosition(challenge: bytes, maskKey: file.header.maskKey)
      guard let holder = holder(of: position, current: file),
        let record = try holder.record(at: position.index),
        equalInConstantTime(record.random, Array(bytes[..<ChallengePosition.randomSize])),
        equalInConstantTime(record.address, addressHash),
        record.state == .live, isGood(record.expiry, milliseconds)
      else { return nil }
      try holder.markUsed(at: position.index)
      return holder
    }
    guard let used else { return false }
    // This waits without the lock. Another request with the same challenge already finds it used.
    if used.outlivesBoot { try StoreError.translating(path) { try used.synchronize() } }
    return true
  }

  public var load: Double { Double(pending.load(ordering: .relaxed)) / Double(limit) }

  public func checkWritable() throws {
    try storing { try SharedFiles.checkWritable(path) }
  }

  // MARK: - Under the lock

  /// The file to which records are appended, and its size in bytes. Begins one if there is none, and repairs
  /// its end if its last record is torn.
  private func openCurrent() throws -> (ChallengeFile, size: Int) {
    while true {
      guard let status = try FileStatus.ofFile(at: path), status.size > 0 else {
        try beginGeneration(after: nil)
        continue
      }
      let isOpen = current?.identity == status.identity
      guard let file = isOpen ? current : try reopen() else { continue }
      try hold(file)
      // The process that held its lock may have rotated it.
      guard let status = try FileStatus.ofFile(at: path), status.identity == file.identity else { continue }
      let torn = status.size - ChallengeFile.offset(of: ChallengeFile.count(size: status.size))
      if torn > 0 { try repair(file, size: status.size) }
      return (file, status.size - torn)
    }
  }

  private func hold(_ file: ChallengeFile) throws {
    if held === file { return }
    release()
    try file.lock(until: deadline)
    held = file
  }

  private func release() {
    held?.unlock()
    held = nil
  }

  /// As ``openCurrent()``, after a rotation if one is due.
  private func openForAppending(now: Int) throws -> (ChallengeFile, size: Int) {
    let opened = try openCurrent()
    guard try isDueForRotation(opened.0, size: opened.size, now: now), try rotate(opened.0, now: now)
    else { return opened }
    return try openCurrent()
  }

  private func reopen() throws -> ChallengeFile {
    guard let file = try openFile(path) else {
      try beginGeneration(after: nil)
      return try reopen()
    }
    previous = try openFile(path + ".1")
    lastExpiryOfPrevious = try previous?.lastExpiry() ?? 0
    firstExpiryOfCurrent = nil
    current = file
    return file
  }

  /// Opens a file of challenges. Nil if there is none that can be used. A damaged file is set aside: if it
  /// stayed, no client could get a challenge.
  private func openFile(_ path: String) throws -> ChallengeFile? {
    do {
      return try ChallengeFile.open(path, boot: boot)
    } catch ChallengeFile.Refusal.void {
      logger.notice("challenges of an earlier boot are void; file removed", metadata: ["file": "\(path)"])
      try Files.remove(path)
      return nil
    } catch ChallengeFile.Refusal.damaged {
      let aside = "\(path).bad-\(clock.seconds)"
      logger.error(
        "damaged file of challenges set aside", metadata: ["file": "\(path)", "aside": "\(aside)"])
      try Files.rename(path, to: aside)
      return nil
    } catch ChallengeFile.Refusal.foreign {
      throw StoreError("\(path): another program wrote this file; move it, as challenges belong there")
    }
  }

  /// The file that holds a position, or nil if there is none.
  private func holder(of position: ChallengePosition, current: ChallengeFile) -> ChallengeFile? {
    if current.header.generation & 0xff_ffff == position.generation { return current }
    guard let previous, previous.header.generation & 0xff_ffff == position.generation else {
      return nil
    }
    return previous
  }

  private func isDueForRotation(_ file: ChallengeFile, size: Int, now: Int) throws -> Bool {
    guard ChallengeFile.count(size: size) > 0, !isGood(lastExpiryOfPrevious, now) else { return false }
    if firstExpiryOfCurrent == nil { firstExpiryOfCurrent = try file.firstExpiry() }
    return !isGood(firstExpiryOfCurrent ?? 0, now)
  }

  /// Whether a challenge with this expiry is valid now. An expiry later than that of a challenge made now is
  /// from a time when the clock was ahead, and isn't valid.
  private func isGood(_ expiry: Int, _ now: Int) -> Bool {
    expiry > now && expiry <= now + lifetime * 1000
  }

  /// Begins a new file. The current one replaces `<path>.1`, in which everything has expired.
  /// - Returns: false if the disk is full and no space can be freed here.
  private func rotate(_ file: ChallengeFile, now: Int) throws -> Bool {
    try Files.remove(path + ".1")
    do {
      try beginGeneration(after: file)
      return true
    } catch let error as SystemError where error.code == ENOSPC || error.code == EDQUOT {
      // The disk may be full of this file's expired challenges.
      guard try !isGood(file.lastExpiry() ?? 0, now) else { return false }
      try file.cutRecords()
      try beginGeneration(after: file)
      return true
    }
  }

  /// Begins a new file. The current one, if any, becomes `<path>.1`.
  ///
  /// A call that is interrupted leaves either the old state or no `<path>`. The next call goes on from both.
  private func beginGeneration(after file: ChallengeFile?) throws {
    let before = try file ?? openFile(path + ".1")
    if boot == nil && before == nil {
      logger.warning(
        "no boot id: each use of a challenge waits for the disk; make /proc/sys/kernel/random/boot_id readable",
        metadata: ["file": "\(path)"])
    }
    let header = ChallengeFileHeader(
      generation: (before?.header.generation ?? 0) &+ 1,
      maskKey: before?.header.maskKey ?? SecureRandom.bytes(32),
      // An unknown boot stays unknown, because a process that shares the file can't determine it.
      boot: before?.header.boot ?? boot ?? ChallengeFileHeader.unknownBoot)
    let draft = path + ".new"
    try Files.remove(draft)
    let handle = try FileHandle(path: draft, flags: .createNew)
    guard try handle.write(header.bytes, at: 0) == ChallengeFileHeader.width else {
      throw SystemError(call: "write", code: ENOSPC)
    }
    // A renamed file that wasn't flushed may read as NULs after a power failure.
    try handle.synchronize()
    if file != nil { try Files.rename(path, to: path + ".1") }
    try Files.rename(draft, to: path)
  }

  private func refuseBeyondLimit(_ file: ChallengeFile, size: Int, now: Int) throws {
    var counts = [(file, ChallengeFile.count(size: size))]
    if let previous, isGood(lastExpiryOfPrevious, now) {
      counts.append((previous, ChallengeFile.count(size: try previous.size())))
    }
    // Telling pending challenges from used and expired ones takes time. It isn't needed while the files are
    // short.
    guard counts.reduce(0, { $0 + $1.1 }) >= limit / 2 else {
      self.pending.store(0, ordering: .relaxed)
      return
    }
    let pending = try counts.reduce(0) { sum, entry in
      let (file, count) = entry
      let unexpired = count - (try file.firstUnexpired(now: now, count: count))
      return sum + min(unexpired, count - Int(clamping: try file.usedCount()))
    }
    self.pending.store(pending, ordering: .relaxed)
    guard pending < limit else {
      throw StoreError(
        "\(path): \(pending) challenges are pending, as many as max_pending_challenges allows",
        retryAfter: lifetime)
    }
  }

  /// Sets aside what a crash or a full disk left of a record, so that the next record isn't glued to it.
  private func repair(_ file: ChallengeFile, size: Int) throws {
    let torn = try file.cutTornRecord(size: size)
    let aside = "\(path).torn-\(clock.seconds)"
    logger.error("torn record set aside", metadata: ["file": "\(path)", "aside": "\(aside)"])
    _ = try? Files.createWhole(aside, torn)
  }

  // MARK: - Helpers

  private var milliseconds: Int { Int(clock.now * 1000) }

  /// The SHA-256 of an address without `0x`, in lower case. All spellings of an address have one hash, and
  /// all hashes have one width.
  private static func hash(_ address: String) -> [UInt8] {
    Array(SHA256.hash(data: Array(Hex.normalized(address).utf8)))
  }

  /// Runs a body under the lock and turns system errors into ``StoreError``.
  private func storing<Value>(_ body: () throws -> Value) throws -> Value {
    try StoreError.translating(path) {
      try lock.withLockAndDeadline { deadline in
        self.deadline = deadline
        defer { release() }
        return try body()
      }
    }
  }
}
