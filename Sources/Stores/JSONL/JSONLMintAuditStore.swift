import Logging
import POSIX
import Wire

/// Mints in one file, a JSON object a line, read backwards from its end. When it has grown large it is rotated: renamed to
/// `<path>.000001` and so on, the archives. The peer's files are taken as they are.
public final class JSONLMintAuditStore: MintAuditStore {
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
  ///   - path: the file; made with the first mint. `<path>.lock` lies beside it.
  ///   - rotationSize: how large it grows. Bytes.
  ///   - retentionDays: how long archives are kept; 0 is for ever.
  ///   - reserve: space that mints must leave; nil for none.
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
    indexing = MintIndexing(archives: archives, step: indexStep, logger: logger)
    retention =
      retentionDays > 0
      ? MintRetention(archives: archives, kept: retentionDays * 86400, clock: clock, logger: logger) : nil
  }

  public func append(_ mints: [Mint]) throws {
    try begin(mints)()
  }

  /// Whoever waits for the disk waits for all that was appended till then: of many who append, do something else, and
  /// wait, few have to.
  public func begin(_ mints: [Mint]) throws -> () throws -> Void {
    try reserve?.require()
    var lines: [UInt8] = []
    for mint in mints { lines += RecordLine.seal(mint.members.finish()) }
    var isRotated = false
    let end = try log.locked {
      var end = try log.open(renew: renew)
      if end.offset >= rotationSize {
        // An archive gets no writer that would recover its end after a power cut: records that nobody waits for yet must
        // be on the disk as well.
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

  /// Removes archives that are older than they are to be kept, where the clock can be believed. The newest stays.
  /// - Parameter force: believes the clock.
  /// - Returns: how many.
  /// - Throws: ``StoreError``.
  public func removeOld(force: Bool = false) throws -> Int {
    try StoreError.translating(path) { try retention?.removeOld(force: force) ?? 0 }
  }

  /// Builds the indexes that are missing, which workers do in the background.
  /// - Returns: how many.
  /// - Throws: ``StoreError``.
  public func updateIndexes() throws -> Int {
    try StoreError.translating(path) { try indexing.update() }
  }

  /// How long the mint of a token is looked for where an index is missing. Nanoseconds.
  private static let searchTime: UInt64 = 500_000_000

  public func expiry(ofTokenID tokenID: String) throws -> Int? {
    try mint(withTokenID: tokenID, budget: ScanBudget(lines: .max, nanoseconds: Self.searchTime))
      .flatMap { $0.expiry > 0 ? $0.expiry : nil }
  }

  /// The mint of a token, by its `jti`; nil where it isn't recorded, or no more, or not found within the budget.
  /// - Throws: ``StoreError``.
  public func mint(withTokenID tokenID: String, budget: ScanBudget = .unlimited) throws -> Mint? {
    var query = MintQuery(limit: 1)
    query.tokenID = tokenID
    query.budget = budget
    return try list(query).mints.first
  }

  // MARK: - Rotation

  /// A file whose disk failed is put away like a full one: nothing in it was promised and isn't there.
  private func renew(_: LogFile) throws {
    try rotate()
  }

  /// Under the lock.
  private func rotate() throws {
    let archive = try archives.next()
    try Files.rename(path, to: archive)
    // One that is left behind isn't about the new file, and is replaced.
    try? Files.rename(MintIndex.path(of: path), to: MintIndex.path(of: archive))
    _ = try FileHandle(path: path, flags: .create)
    try Files.synchronizeFolder(of: path)
  }

  /// Without the lock, and whatever becomes of it the mint that came first is recorded.
  private func finishRotation() {
    do {
      _ = try removeOld()
    } catch {
      logger.error("old mint audit not looked for", metadata: ["reason": "\(error)"])
    }
  }

  // MARK: - Listing

  private func page(_ query: MintQuery) throws -> MintPage {
    var scan = MintScan(query, logger: logger)
    let place = query.before.flatMap(FileCursor.init)
    var isFound = query.before == nil
    func read(_ path: String, _ handle: FileHandle) throws {
      // The current one is indexed a while after it has grown.
      let unindexed = path.hasSameBytes(as: self.path) ? 2 * indexing.step : indexing.step
      if isFound {
        try scan.read(path, handle, before: try handle.status().size, unindexed: unindexed)
      } else if let place, try place.isIn(handle) {
        isFound = true
        try scan.read(path, handle, before: place.offset, unindexed: unindexed)
      }
    }
    // The current one first, and once: it may be rotated meanwhile, and stand among the others then.
    let current = try SharedFiles.open(path, flags: .read)
    let identity = try current?.status().identity
    if let current { try read(path, current) }
    if !scan.isDone {
      for archive in try archives.all().reversed() where !scan.isDone {
        // Only the file of the cursor needs to be opened.
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
