import Logging
import POSIX
import Wire

/// Mints in one file, a JSON object a line, read backwards from its end. When it has grown large it is rotated: renamed to
/// `<path>.000001` and so on, the archives. The peer's files are taken as they are.
public final class JSONLMintAuditStore: MintAuditStore {
  public let path: String
  private let rotationSize: Int
  private let clock: Clock
  private let logger: Logger
  private let log: AppendLog
  private let archives: MintArchives
  private let retention: MintRetention?

  /// - Parameters:
  ///   - path: the file; made with the first mint. `<path>.lock` lies beside it.
  ///   - rotationSize: how large it grows. Bytes.
  ///   - retentionDays: how long archives are kept; 0 is for ever.
  public init(
    path: String, rotationSize: Int = 64 << 20, retentionDays: Int, clock: Clock, logger: Logger
  ) {
    self.path = path
    self.rotationSize = rotationSize
    self.clock = clock
    self.logger = logger
    log = AppendLog(path: path, clock: clock, logger: logger)
    archives = MintArchives(path: path)
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
    var lines: [UInt8] = []
    for mint in mints { lines += RecordLine.seal(mint.members.finish()) }
    var isRotated = false
    let end = try log.locked {
      var end = try log.open(renew: renew)
      if end.offset >= rotationSize {
        try rotate()
        isRotated = true
        end = try log.open(renew: renew)
      }
      return try log.append(lines, at: end)
    }
    if isRotated { finishRotation() }
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

  // MARK: - Rotation

  /// A file whose disk failed is put away like a full one: nothing in it was promised and isn't there.
  private func renew(_: LogFile) throws {
    try rotate()
  }

  /// Under the lock.
  private func rotate() throws {
    try Files.rename(path, to: try archives.next())
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
    var page = Page(query: query, path: path, logger: logger)
    let place = query.before.flatMap(FileCursor.init)
    // The current one first, and once: it may be rotated meanwhile, and stand among the others then.
    let current = try SharedFiles.open(path, flags: .read)
    var isFound = query.before == nil
    func read(_ handle: FileHandle) throws {
      if isFound {
        try page.read(handle, before: try handle.status().size)
      } else if let place, try place.isIn(handle) {
        isFound = true
        try page.read(handle, before: place.offset)
      }
    }
    if let current { try read(current) }
    if !page.isFull {
      let identity = try current?.status().identity
      for archive in try archives.all().reversed() where !page.isFull {
        guard let handle = try SharedFiles.open(archive, flags: .read),
          try handle.status().identity != identity
        else { continue }
        try read(handle)
      }
    }
    return MintPage(mints: page.mints, cursor: page.cursor)
  }

  /// A page that is being filled.
  private struct Page {
    let query: MintQuery
    let path: String
    let logger: Logger
    var mints: [Mint] = []
    /// Where the next page begins, once it is known that there is one. A file is named by its inode, which stays when
    /// it is rotated.
    var cursor: String?

    var isFull: Bool { cursor != nil }

    mutating func read(_ handle: FileHandle, before end: Int) throws {
      var lines = BackwardLines(handle, before: end)
      while let line = try lines.next() {
        if line.bytes.isEmpty { continue }
        guard let mint = (try? RecordLine.object(line.bytes)).flatMap({ Mint($0) }) else {
          logger.error("damaged record skipped", metadata: ["file": "\(path)", "offset": "\(line.start)"])
          continue
        }
        guard query.includes(mint) else { continue }
        if mints.count == query.limit {
          // There is more: the next page begins below the last mint of this one.
          cursor = try FileCursor(handle, offset: line.end).text
          return
        }
        mints.append(mint)
      }
    }
  }
}
