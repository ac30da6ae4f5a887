import Logging
import POSIX

/// Builds the indexes of a mint audit's files, without the log's lock.
///
/// The current file's is built anew each time the file has grown by a step, from what the last one knew; with the file
/// it becomes the archive's. Whoever grows the file past a step, rotates it, or finds an archive without an index, has that
/// done in the background. Of several processes one does it.
final class MintIndexing: Sendable {
  private struct State {
    var isRunning = false
    var isWanted = false
    var wasScheduledByReader = false
  }

  let archives: MintArchives
  /// Bytes.
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

  /// Whether the current file, which ends there now, has grown past a step.
  func isDue(at end: Int, grownBy count: Int) -> Bool { end / step > (end - count) / step }

  /// Has the indexes built in the background.
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

  /// The same for a reader, who would ask for it with every list: what fails once isn't tried again for it.
  func scheduleOnce() {
    guard
      state.withLock({ state in
        defer { state.wasScheduledByReader = true }
        return !state.wasScheduledByReader
      })
    else { return }
    schedule()
  }

  /// Until nobody wants more: a file may have been rotated while the last was built.
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

  /// Builds the indexes that are missing.
  /// - Returns: how many.
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

  /// - Returns: false where somebody else is at it.
  private func build(
    _ path: String, _ file: FileHandle, extending index: MintIndex?, isArchive: Bool
  ) throws -> Bool {
    let draftPath = MintIndex.path(of: path) + ".new"
    let draft = try FileHandle(path: draftPath, flags: .create)
    // Whoever had the lock has given the draft its name; it is no draft any more.
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
    // An archive may have been removed meanwhile.
    if try FileStatus.ofFile(at: path) == nil { try Files.remove(MintIndex.path(of: path)) }
    return true
  }
}
