import Logging
import POSIX

/// Removes archives of mints that are older than the retention.
///
/// The age of an archive is that of its newest mint, or that of its modification time if it is newer. The age
/// depends on the clock, and a clock that is years ahead makes everything look old. So the clock is trusted
/// only if some mint was issued one to eight days ago. Right after the clock jumps ahead there is none, and
/// after a long pause there is none either; a day after the next mint there is.
struct MintRetention {
  /// A mint that confirms the clock is at least this old. Seconds.
  private static let confirmedAfter = 86400
  /// And at most this old. Seconds.
  private static let confirmedWithin = 8 * 86400
  /// How far back a readable mint is looked for in a damaged file. Bytes.
  private static let searchedSize = 2 << 20

  let archives: MintArchives
  /// How long archives are kept. Seconds.
  let kept: Int
  let clock: Clock
  let logger: Logger

  /// - Parameter force: trusts the clock in any case.
  /// - Returns: how many archives were removed. The newest is never among them.
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

  /// Whether some mint was issued one to eight days before `now`.
  private func isConfirmed(_ now: Int) throws -> Bool {
    for path in try [archives.path] + archives.all().reversed() {
      guard let handle = try SharedFiles.open(path, flags: .read) else { continue }
      let mint = try Self.newestMint(in: handle, issuedUntil: now - Self.confirmedAfter)
      if let mint { return mint.issuedAt >= now - Self.confirmedWithin }
    }
    return false
  }

  /// Finds the newest mint of a file that was issued at a time or before. A binary search suffices, because
  /// mints are in the order of their time. Nil if there is none.
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

  /// The last readable mint between two offsets; nil if there is none.
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
