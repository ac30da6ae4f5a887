import Crypto
import Glibc
import Logging
import POSIX
import Synchronization
import Wire

/// Challenges in two files that every worker shares, without an index: a challenge tells where its record
/// stands, so that one live challenge costs as much as a million, in a worker as in a CGI process.
///
/// Records go to the end of `<path>`. When its first record has expired and `<path>.1` has expired wholly,
/// `<path>` takes the place of `<path>.1` and a new one begins.
///
/// Challenges aren't flushed to the disk. A power failure could bring used ones back to life, so those of an earlier boot
/// are void, and clients ask for new ones. Where nothing tells one boot from the next, each use is flushed.
public final class JSONLChallengeStore: ChallengeStore, @unchecked Sendable {
  private let path: String
  private let lifetime: Int
  private let limit: Int
  private let reserve: SpaceReserve?
  private let boot: String?
  private let clock: Clock
  private let logger: Logger
  private let lock: FileLock
  /// How many were pending when the last one was made; 0 where that was less than half of the limit.
  private let pending = Atomic<Int>(0)

  // Guarded by the lock.
  private var current: ChallengeFile?
  private var previous: ChallengeFile?
  /// Milliseconds since 1970; nil until looked up.
  private var firstExpiryOfCurrent: Int?
  private var lastExpiryOfPrevious = 0
  /// The file whose own lock is held, as somebody may remove the lock file: of two processes that lock different files of
  /// that name, the second waits here.
  private var held: ChallengeFile?
  /// Until when to wait for it, in ``Clock/monotonicNanoseconds``.
  private var deadline: UInt64 = 0

  /// - Parameters:
  ///   - path: the file; `<path>.1` and `<path>.lock` lie beside it. Made at first use.
  ///   - lifetime: how long a challenge is good. Seconds.
  ///   - limit: how many may be pending, all addresses together.
  ///   - reserve: space that challenges must leave; nil for none.
  public convenience init(
    path: String, lifetime: Int, limit: Int, reserve: SpaceReserve? = nil, clock: Clock, logger: Logger
  ) {
    self.init(
      path: path, lifetime: lifetime, limit: limit, reserve: reserve, boot: BootID.current, clock: clock,
      logger: logger)
  }

  /// - Parameter boot: which boot this is; nil where nothing tells.
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
    try reserve?.require()
    let random = SecureRandom.bytes(ChallengePosition.randomSize)
    let addressHash = Self.hash(address)
    return try storing {
      let now = milliseconds
      guard now >= 1_000_000_000_000 else { throw StoreError("the clock is before the year 2001") }
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
    // Exactly as it was handed out: the client signed these very characters.
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
    // Without the lock: who comes with the same challenge meanwhile finds it used.
    if used.outlivesBoot { try StoreError.translating(path) { try used.synchronize() } }
    return true
  }

  public var load: Double { Double(pending.load(ordering: .relaxed)) / Double(limit) }

  public func checkWritable() throws {
    try storing { try SharedFiles.checkWritable(path) }
  }

  // MARK: - Under the lock

  /// The file that records are added to, and its size; begun where there is none, repaired where its
  /// last record is torn.
  private func openCurrent() throws -> (ChallengeFile, size: Int) {
    while true {
      guard let status = try FileStatus.ofFile(at: path), status.size > 0 else {
        try beginGeneration(after: nil)
        continue
      }
      let isOpen = current?.identity == status.identity
      guard let file = isOpen ? current : try reopen() else { continue }
      try hold(file)
      // Whoever had its lock may have begun another.
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

  /// As ``openCurrent()``; a new file where it is time for one.
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

  /// Opens a file of challenges; nil where there is none that can be used. A damaged one is set aside: clients
  /// ask for new challenges, and would do so in vain if it stayed.
  private func openFile(_ path: String) throws -> ChallengeFile? {
    do {
      return try ChallengeFile.open(path, boot: boot)
    } catch ChallengeFile.Refusal.void {
      logger.notice("challenges of an earlier boot are void; file removed", metadata: ["file": "\(path)"])
      try Files.remove(path)
      return nil
    } catch ChallengeFile.Refusal.damaged {
      let aside = "\(path).bad-\(clock.seconds)"
      logger.error("damaged file set aside", metadata: ["file": "\(path)", "aside": "\(aside)"])
      try Files.rename(path, to: aside)
      return nil
    } catch ChallengeFile.Refusal.foreign {
      throw StoreError("\(path): not a file of challenges")
    }
  }

  /// The file that a position lies in.
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

  /// Whether a record that expires then is good now. One that expires later than any made now was made while
  /// the clock was wrong.
  private func isGood(_ expiry: Int, _ now: Int) -> Bool {
    expiry > now && expiry <= now + lifetime * 1000
  }

  /// Begins a new file; the one before it becomes `<path>.1`, which has wholly expired.
  /// - Returns: false where the disk is full and there is nothing to make room with.
  private func rotate(_ file: ChallengeFile, now: Int) throws -> Bool {
    try Files.remove(path + ".1")
    do {
      try beginGeneration(after: file)
      return true
    } catch let error as SystemError where error.code == ENOSPC || error.code == EDQUOT {
      // The disk may be full of what has expired here.
      guard try !isGood(file.lastExpiry() ?? 0, now) else { return false }
      try file.cutRecords()
      try beginGeneration(after: file)
      return true
    }
  }

  /// Begins a new file; the one before it, if any, becomes `<path>.1`.
  ///
  /// Wherever it is interrupted, the next call finds either the old state or a missing `<path>`, and goes on.
  private func beginGeneration(after file: ChallengeFile?) throws {
    let before = try file ?? openFile(path + ".1")
    if boot == nil && before == nil {
      logger.warning(
        "no boot id below /proc: each use of a challenge waits for the disk", metadata: ["file": "\(path)"])
    }
    let header = ChallengeFileHeader(
      generation: (before?.header.generation ?? 0) &+ 1,
      maskKey: before?.header.maskKey ?? SecureRandom.bytes(32),
      // The boot stays unknown: somebody who shares the file can't tell it.
      boot: before?.header.boot ?? boot ?? ChallengeFileHeader.unknownBoot)
    let draft = path + ".new"
    try Files.remove(draft)
    let handle = try FileHandle(path: draft, flags: .createNew)
    guard try handle.write(header.bytes, at: 0) == ChallengeFileHeader.width else {
      throw SystemError(call: "write", code: ENOSPC)
    }
    // A renamed file that isn't on the disk may read as NULs after a power failure.
    try handle.synchronize()
    if file != nil { try Files.rename(path, to: path + ".1") }
    try Files.rename(draft, to: path)
  }

  private func refuseBeyondLimit(_ file: ChallengeFile, size: Int, now: Int) throws {
    var counts = [(file, ChallengeFile.count(size: size))]
    if let previous, isGood(lastExpiryOfPrevious, now) {
      counts.append((previous, ChallengeFile.count(size: try previous.size())))
    }
    // The rule is cheap to check while the files are short; only from half of the limit on is it worth telling pending
    // challenges from used and expired ones.
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
      throw StoreError("\(path): \(pending) challenges are pending", retryAfter: lifetime)
    }
  }

  /// Sets aside what a crash or a full disk left of a record, so that the next one isn't glued to it.
  private func repair(_ file: ChallengeFile, size: Int) throws {
    let torn = try file.cutTornRecord(size: size)
    let aside = "\(path).torn-\(clock.seconds)"
    logger.error("torn record set aside", metadata: ["file": "\(path)", "aside": "\(aside)"])
    _ = try? Files.createWhole(aside, torn)
  }

  // MARK: - Helpers

  private var milliseconds: Int { Int(clock.now * 1000) }

  /// One spelling of an address whatever its case, and one width whatever its length.
  private static func hash(_ address: String) -> [UInt8] {
    Array(SHA256.hash(data: Array(Hex.normalized(address).utf8)))
  }

  /// Runs a body under the lock and turns what the system says into a ``StoreError``.
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
