import Logging
import POSIX

/// The tokens that the beginning of a log revokes, sorted, in a file beside the log: `<log>.snapshot-<the
/// log's inode>`.
///
/// A snapshot saves reading the log. No answer depends on it: if it is damaged or doesn't fit the log as it
/// is, the log is read. The file has a header, blocks of 4 KiB, and at the end the first token of each block
/// (the fences). Only the fences are in memory: 0.06 bytes per token.
///
/// Blocks are read with pread(2) and not mapped. If another program cuts the file or the disk fails, that is
/// an error then and not a SIGBUS.
final class RevocationSnapshot: Sendable {
  /// A block isn't what was written.
  struct Damaged: Error {}

  let header: SnapshotHeader
  /// The identity of the snapshot's file.
  let identity: FileStatus.Identity
  private let handle: FileHandle
  private let fences: [TokenIDHash]

  /// How many bytes of the log are covered.
  var covered: Int { header.log.offset }

  /// Opens the snapshot of a log. Nil if there is none that fits.
  /// - Parameters:
  ///   - log: the open log.
  ///   - path: the log's path.
  ///   - logger: gets the reason why a snapshot is ignored.
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

  /// Reads header and fences. Nil if they aren't what was written.
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

  /// Whether this snapshot's log was compacted from another log, so that every token that the other one
  /// revokes is covered or was dropped because it expired.
  /// - Throws: ``SystemError``.
  func isOf(successorOf log: FileHandle) throws(SystemError) -> Bool {
    for place in header.ancestors { if try place.isIn(log) { return true } }
    return false
  }

  /// Whether the covered part of the log revokes a token. Reads one block.
  /// - Throws: ``Damaged`` if the block can't be read; ``WouldWait`` if the block isn't in memory and this
  ///   thread may not wait for the disk.
  func contains(_ token: TokenIDHash) throws -> Bool {
    var (low, high) = (0, fences.count)
    while low < high {
      let middle = (low + high) / 2
      if token < fences[middle] { high = middle } else { low = middle + 1 }
    }
    return low == 0 ? false : try block(low - 1).contains(token)
  }

  /// Returns a function that returns all tokens in order, and nil at the end.
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
