import Logging
import POSIX
import Wire

/// Mints in one file, one JSON object per line. A list reads it backwards from its end. A file that has grown
/// to its limit is rotated: it becomes an archive, `<path>.000001` and so on. Files of pico-server-auth can
/// be used unchanged.
public final class JSONLMintAuditStore: MintAuditStore {
  /// The current file.
  public let path: String
  private let rotationSize: Int
  private let reserve: SpaceReserve?
  private let clock: Clock
  private let logger: Logger
  private let log: AppendLog
  private let archives: MintArchives
  private let retention: MintRetention?
  private let indexing: MintIndexing

  /// - Parameters:
  ///   - path: the file, made with the first mint. `<path>.lock` is beside it.
  ///   - rotationSize: the size from which the file is rotated. Bytes.
  ///   - retentionDays: how many days archives are kept; 0 keeps them forever.
  ///   - reserve: the free space that mints must leave on the disk; nil for none.
  ///   - clock: the time of day, for retention.
  ///   - logger: gets what the store repairs or removes.
  public convenience init(
    path: String, rotationSize: Int = 64 << 20, retentionDays: Int, reserve: SpaceReserve? = nil,
    clock: Clock,
    logger: Logger
  ) {
    self.init(
      path: path, rotationSize: rotationSize, indexStep: 4 << 20, retentionDays: retentionDays,
      reserve: reserve,
      clock: clock, logger: logger)
  }

  /// - Parameter indexStep: how much the file grows before it is indexed again. Bytes.
  init(
    path: String, rotationSize: Int, indexStep: Int, retentionDays: Int, reserve: SpaceReserve? = nil,
    clock: Clock, logger: Logger
  ) {
    self.path = path
    self.rotationSize = rotationSize
    self.reserve = reserve
    self.clock = clock
    self.logger = logger
    log = AppendLog(path: path, clock: clock, logger: logger)
    archives = MintArchives(path: path)
    indexing = MintIndexing(archives: archives, step: indexStep, reserve: reserve, logger: logger)
    retention =
      retentionDays > 0
      ? MintRetention(archives: archives, kept: retentionDays * 86400, clock: clock, logger: logger) : nil
  }

  public func append(_ mints: [Mint]) throws {
    try begin(mints)()
  }

  /// The flush of one caller covers everything that was appended before it. So if many callers append, do
  /// other work, and then wait, few of them flush.
  public func begin(_ mints: [Mint]) throws -> () throws -> Void {
    var lines: [UInt8] = []
    for mint in mints { lines += RecordLine.seal(mint.members.finish()) }
    try reserve?.require(lines.count)
    var isRotated = false
    let end = try log.locked {
      var end = try log.open(renew: renew)
      if end.offset >= rotationSize {
        // No writer appends to an archive, so no writer would repair its end after a power loss. Records that
        // no caller has waited for yet must be on the disk before the rotation.
        try end.file.waitUntilDurable(end.offset)
        try rotate()
        isRotated = true
        end = try log.open(renew: renew)
      }
      return try log.append(lines, at: end)
    }
    if isRotated { finishRotation() }
    if isRotated || indexing.isDue(at: end.offset, grownBy: lines.count) { indexing.schedule() }
    return { [self] in try log.waitUntilDurable(end, renew: renew) }
  }

  public func checkWritable() throws {
    try log.locked { try SharedFiles.checkWritable(path) }
  }

  public func list(_ query: MintQuery) throws -> MintPage {
    try StoreError.translating(path) { try page(query) }
  }

  /// Removes archives that are older than the retention, if the clock can be trusted. The newest archive
  /// stays.
  /// - Parameter force: trusts the clock in any case.
  /// - Returns: how many archives were removed.
  /// - Throws: ``StoreError``.
  public func removeOld(force: Bool = false) throws -> Int {
    try StoreError.translating(path) { try retention?.removeOld(force: force) ?? 0 }
  }

  /// Builds the missing indexes. Workers do so in the background.
  /// - Returns: how many indexes were built.
  /// - Throws: ``StoreError``.
  public func updateIndexes() throws -> Int {
    try StoreError.translating(path) { try indexing.update() }
  }

  /// How long to look for a token's mint in files without an index. Nanoseconds.
  private static let searchTime: UInt64 = 500_000_000

  public func mint(ofTokenID tokenID: String) throws -> Mint? {
    try mint(withTokenID: tokenID, budget: ScanBudget(lines: .max, nanoseconds: Self.searchTime))
  }

  /// Finds the mint of a token by its `jti`.
  /// - Parameter budget: how much to look at.
  /// - Returns: nil if the mint isn't recorded, was removed with its archive, or isn't found within the
  ///   budget.
  /// - Throws: ``StoreError``.
  public func mint(withTokenID tokenID: String, budget: ScanBudget = .unlimited) throws -> Mint? {
    var query = MintQuery(limit: 1)
    query.tokenID = tokenID
    query.budget = budget
    return try list(query).mints.first
  }

  // MARK: - Rotation

  /// A file that the disk failed to take is rotated like a full one. Every mint whose caller got an answer is
  /// in it.
  private func renew(_: LogFile) throws {
    try rotate()
  }

  /// Call this under the lock.
  private func rotate() throws {
    let archive = try archives.next()
    try Files.rename(path, to: archive)
    // If this fails, the index doesn't fit the new file, and is replaced later.
    try? Files.rename(MintIndex.path(of: path), to: MintIndex.path(of: archive))
    _ = try FileHandle(path: path, flags: .create)
    try Files.synchronizeFolder(of: path)
  }

  /// Call this without the lock. It doesn't throw, because the mints are recorded whether retention works or
  /// not.
  private func finishRotation() {
    do {
      _ = try removeOld()
    } catch {
      logger.error(
        "old mint audit not removed; the next rotation tries again", metadata: ["reason": "\(error)"])
    }
  }

  // MARK: - Listing

  private func page(_ query: MintQuery) throws -> MintPage {
    var scan = MintScan(query, logger: logger)
    let place = query.before.flatMap(FileCursor.init)
    var isFound = query.before == nil
    func read(_ path: String, _ handle: FileHandle) throws {
      // The current file is indexed only some time after it has grown.
      let unindexed = path.hasSameBytes(as: self.path) ? 2 * indexing.step : indexing.step
      if isFound {
        try scan.read(path, handle, before: try handle.status().size, unindexed: unindexed)
      } else if let place, try place.isIn(handle) {
        isFound = true
        try scan.read(path, handle, before: place.offset, unindexed: unindexed)
      }
    }
    // The current file is read first, and only once: it may be rotated meanwhile and then be among the
    // archives.
    let current = try SharedFiles.open(path, flags: .read)
    let identity = try current?.status().identity
    if let current { try read(path, current) }
    if !scan.isDone {
      for archive in try archives.all().reversed() where !scan.isDone {
        // Before the file of the cursor is found, the others needn't be opened.
        if !isFound, try FileStatus.ofFile(at: archive)?.identity.inode != place?.inode { continue }
        guard let handle = try SharedFiles.open(archive, flags: .read),
          try handle.status().identity != identity
        else { continue }
        try read(archive, handle)
      }
    }
    guard isFound else { throw UnknownCursor() }
    if scan.lacksIndex { indexing.scheduleOnce() }
    return MintPage(mints: scan.mints, cursor: scan.cursor)
  }
}
