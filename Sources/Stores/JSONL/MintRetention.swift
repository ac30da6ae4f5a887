import Logging
import POSIX

/// Removes archives of mints that have been kept for long enough.
///
/// An archive is as old as its newest mint says, or its file where that is newer. That age is only as good as the clock:
/// one that is years ahead makes everything look old. So the clock is believed only where the audit holds a mint of some
/// days ago. Just after a jump it holds none, and just after a long pause neither; a day of use later it does.
struct MintRetention {
  /// How long ago a mint must have been issued to confirm the clock, and how long ago it may have been. Seconds.
  private static let confirmedAfter = 86400
  private static let confirmedWithin = 8 * 86400
  /// How far back a mint is looked for where the file is damaged. Bytes.
  private static let searchedSize = 2 << 20

  let archives: MintArchives
  /// Seconds.
  let kept: Int
  let clock: Clock
  let logger: Logger

  /// - Parameter force: believes the clock.
  /// - Returns: how many were removed, never the newest among them.
  /// - Throws: ``SystemError``, ``StoreError``.
  func removeOld(force: Bool) throws -> Int {
    let now = clock.seconds
    let old = try archives.all().dropLast().filter { try isOld($0, now: now) }
    guard !old.isEmpty else { return 0 }
    guard try force || isConfirmed(now) else {
      logger.warning(
        "old mint audit kept: no recent mint confirms the clock, which may be wrong",
        metadata: ["files": "\(old.count)", "path": "\(archives.path)", "now": "\(now)"])
      return 0
    }
    return old.count { remove($0) }
  }

  private func remove(_ archive: String) -> Bool {
    do throws(SystemError) {
      try Files.remove(archive)
      try Files.remove(MintIndex.path(of: archive))
      logger.notice("old mint audit removed", metadata: ["file": "\(archive)"])
      return true
    } catch {
      logger.error("old mint audit not removed", metadata: ["file": "\(archive)", "reason": "\(error)"])
      return false
    }
  }

  private func isOld(_ archive: String, now: Int) throws -> Bool {
    guard let status = try FileStatus.ofFile(at: archive), !status.isDirectory,
      now - status.modified / 1_000_000_000 > kept, let handle = try SharedFiles.open(archive, flags: .read)
    else { return false }
    let newest = try Self.newestMint(in: handle, before: status.size)
    return now - (newest?.issuedAt ?? 0) > kept
  }

  // MARK: - The clock

  /// Whether some mint was issued long enough before `now`, and not too long.
  private func isConfirmed(_ now: Int) throws -> Bool {
    for path in try [archives.path] + archives.all().reversed() {
      guard let handle = try SharedFiles.open(path, flags: .read) else { continue }
      let mint = try Self.newestMint(in: handle, issuedUntil: now - Self.confirmedAfter)
      if let mint { return mint.issuedAt >= now - Self.confirmedWithin }
    }
    return false
  }

  /// Finds the newest mint of a file that was issued at a time or before, by halving: mints stand in the order of their
  /// time. Nil where there is none.
  private static func newestMint(in handle: FileHandle, issuedUntil time: Int) throws -> Mint? {
    var found: Mint?
    var low = 0
    var high = try handle.status().size + 1
    while high - low > 1 {
      let middle = (low + high) / 2
      let mint = try newestMint(in: handle, before: middle, downTo: max(0, middle - searchedSize))
      if let mint, mint.issuedAt > time {
        high = middle
      } else {
        low = middle
        found = mint ?? found
      }
    }
    return found
  }

  /// The last mint that can be read between two offsets; nil where there is none.
  private static func newestMint(
    in handle: FileHandle, before end: Int, downTo start: Int = 0
  ) throws -> Mint? {
    var lines = BackwardLines(handle, before: end, downTo: start)
    while let line = try lines.next() {
      if let mint = (try? RecordLine.object(line.bytes)).flatMap({ Mint($0) }) { return mint }
    }
    return nil
  }
}
