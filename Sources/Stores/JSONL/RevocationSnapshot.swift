import Logging
import POSIX

/// The tokens that the beginning of a log revokes, sorted, in a file beside it: `<log>.snapshot-<the log's inode>`.
///
/// It saves reading the log. Nothing depends on it: one that is damaged, or isn't of this log as it is, is ignored, and
/// the log is read. A header, blocks of 4 KiB, and the first token of each block at the end (the fences), which are all
/// that is kept in memory: 0.06 bytes a token.
///
/// Blocks are read with `pread(2)` and not mapped: a file that somebody cuts, or a disk that fails, is an error then and
/// not SIGBUS.
final class RevocationSnapshot: Sendable {
  /// A block isn't what was written.
  struct Damaged: Error {}

  let header: SnapshotHeader
  /// Which file it is.
  let identity: FileStatus.Identity
  private let handle: FileHandle
  private let fences: [TokenIDHash]

  /// Bytes of the log that it covers.
  var covered: Int { header.log.offset }

  /// The snapshot of a log; nil where there is none that fits.
  /// - Parameters:
  ///   - log: the open log.
  ///   - path: the log's.
  static func of(_ log: FileHandle, path: String, logger: Logger) -> RevocationSnapshot? {
    do {
      let file = SnapshotPath.of(try log.status().identity, log: path)
      guard let handle = try SharedFiles.open(file, flags: .read) else { return nil }
      guard let snapshot = try RevocationSnapshot(handle) else {
        logger.error("snapshot is damaged; the log is read instead", metadata: ["file": "\(file)"])
        return nil
      }
      guard try snapshot.header.log.isIn(log) else {
        logger.warning(
          "snapshot belongs to another log; the log is read instead", metadata: ["file": "\(file)"])
        return nil
      }
      return snapshot
    } catch {
      logger.error(
        "snapshot can't be read; the log is read instead",
        metadata: ["file": "\(path)", "reason": "\(error)"])
      return nil
    }
  }

  /// Reads header and fences; nil where they aren't whole.
  private init?(_ handle: FileHandle) throws {
    let status = try handle.status()
    let blockSize = SnapshotHeader.blockSize
    guard let header = SnapshotHeader(try handle.read(count: blockSize, at: 0)) else { return nil }
    let (fencesSize, fencesOffset) = (16 * header.blocks, blockSize * (1 + header.blocks))
    guard header.blocks < status.size, status.size == fencesOffset + fencesSize else { return nil }
    let bytes = try handle.read(count: fencesSize, at: fencesOffset)
    guard CRC32C.checksum(bytes[...]) == header.fencesChecksum, bytes.count == fencesSize else { return nil }
    fences = (0..<header.blocks).map { bytes.token(at: 16 * $0) }
    identity = status.identity
    self.header = header
    self.handle = handle
  }

  /// Whether all that a log revokes is covered, or was dropped for good: the snapshot's log was compacted from it.
  /// - Throws: ``SystemError``.
  func isOf(successorOf log: FileHandle) throws(SystemError) -> Bool {
    for place in header.ancestors { if try place.isIn(log) { return true } }
    return false
  }

  /// Whether a token is among those that the covered part of the log revokes. Reads one block.
  /// - Throws: ``Damaged`` where that can't be told; ``WouldWait`` where the block isn't in memory and the thread may not
  ///   wait for it.
  func contains(_ token: TokenIDHash) throws -> Bool {
    var (low, high) = (0, fences.count)
    while low < high {
      let middle = (low + high) / 2
      if token < fences[middle] { high = middle } else { low = middle + 1 }
    }
    return low == 0 ? false : try block(low - 1).contains(token)
  }

  /// Hands over all tokens in order.
  func entries() -> () throws -> SortEntry? {
    var (next, tokens) = (0, [TokenIDHash]()[...])
    return { [self] in
      if tokens.isEmpty {
        if next == fences.count { return nil }
        tokens = try block(next).tokens[...]
        next += 1
      }
      return tokens.popFirst().map { SortEntry(key: $0, value: 0) }
    }
  }

  private func block(_ number: Int) throws -> SnapshotBlock {
    let size = SnapshotHeader.blockSize
    let offset = size * (number + 1)
    let bytes: [UInt8]?
    do throws(SystemError) {
      bytes =
        Waiting.isAllowed
        ? try handle.read(count: size, at: offset) : try handle.readCached(count: size, at: offset)
    } catch {
      throw Damaged()
    }
    guard let bytes else { throw WouldWait() }
    guard let block = SnapshotBlock(bytes, number: number) else { throw Damaged() }
    return block
  }
}
