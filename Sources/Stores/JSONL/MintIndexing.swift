import Logging
import POSIX

/// Builds the indexes of a mint audit's files, without the log's lock.
///
/// The current file's index is extended each time the file has grown by a step. When the file is rotated, its
/// index becomes the archive's. A process starts a build in the background when it grows the file past a
/// step, rotates it, or finds an archive without an index. If several processes start one, one of them
/// builds.
final class MintIndexing: Sendable {
  private struct State {
    var isRunning = false
    var isWanted = false
    var wasScheduledByReader = false
  }

  let archives: MintArchives
  /// How much the current file grows before it is indexed again. Bytes.
  let step: Int
  private let reserve: SpaceReserve?
  private let logger: Logger
  private let state = Monitor(State())

  init(archives: MintArchives, step: Int, reserve: SpaceReserve?, logger: Logger) {
    self.archives = archives
    self.step = step
    self.reserve = reserve
    self.logger = logger
  }

  /// Whether the current file has just grown past a step.
  /// - Parameters:
  ///   - end: the file's size. Bytes.
  ///   - count: how much it has just grown. Bytes.
  func isDue(at end: Int, grownBy count: Int) -> Bool { end / step > (end - count) / step }

  /// Starts a build in the background, unless one is already waiting.
  func schedule() {
    let isFirst = state.withLock { state in
      defer { state.isWanted = true }
      return !state.isWanted && !state.isRunning
    }
    guard isFirst else { return }
    do throws(SystemError) {
      try Thread.detachInBackground { [self] in run() }
    } catch {
      state.withLock { $0.isWanted = false }
      logger.error("mints not indexed", metadata: ["reason": "\(error)"])
    }
  }

  /// As ``schedule()``, but once per process. Every list without an index calls this, and a build that fails
  /// would otherwise be tried again for each.
  func scheduleOnce() {
    guard
      state.withLock({ state in
        defer { state.wasScheduledByReader = true }
        return !state.wasScheduledByReader
      })
    else { return }
    schedule()
  }

  /// Builds until no build is wanted: the file may be rotated during one.
  private func run() {
    while state.withLock({ state in
      state.isRunning = state.isWanted
      state.isWanted = false
      return state.isRunning
    }) {
      do {
        _ = try update()
      } catch {
        logger.error("mints not indexed", metadata: ["reason": "\(error)"])
      }
    }
  }

  /// Builds the missing indexes.
  /// - Returns: how many indexes were built.
  /// - Throws: ``SystemError``, ``StoreError``.
  func update() throws -> Int {
    var count = 0
    for archive in try archives.all().reversed() {
      guard let file = try SharedFiles.open(archive, flags: .read) else { continue }
      let index = try MintIndex(of: archive, file)
      if let index, index.header.modified > 0 { continue }
      if try build(archive, file, extending: index, isArchive: true) { count += 1 }
    }
    guard let file = try SharedFiles.open(archives.path, flags: .read) else { return count }
    let index = try MintIndex(of: archives.path, file)
    guard try file.status().size - (index?.header.covered ?? 0) >= step else { return count }
    return try build(archives.path, file, extending: index, isArchive: false) ? count + 1 : count
  }

  /// - Returns: false if another process is building this index.
  private func build(
    _ path: String, _ file: FileHandle, extending index: MintIndex?, isArchive: Bool
  ) throws -> Bool {
    let draftPath = MintIndex.path(of: path) + ".new"
    let draft = try FileHandle(path: draftPath, flags: .create)
    // The process that held the lock may have renamed the draft, which is the index now.
    guard try draft.tryLock(), try FileStatus.ofFile(at: draftPath)?.identity == draft.status().identity
    else { return false }
    do {
      var builder = try MintIndexBuilder(file, extending: index, isArchive: isArchive)
      let bytes = try builder.build()
      try reserve?.require(bytes.count)
      try draft.truncate(to: 0)
      try draft.writeAll(bytes, at: 0)
      try draft.synchronize()
      try Files.rename(draftPath, to: MintIndex.path(of: path))
    } catch {
      try? Files.remove(draftPath)
      throw error
    }
    // Retention may have removed the archive meanwhile.
    if try FileStatus.ofFile(at: path) == nil { try Files.remove(MintIndex.path(of: path)) }
    return true
  }
}
