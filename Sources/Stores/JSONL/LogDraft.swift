import POSIX

/// A new log, written beside the one whose name it is to have.
///
/// Interrupted at any step it leaves the log as it was, and a draft that the next one replaces. Nobody else may be at the
/// same draft: a lock is to be held from beginning to end.
final class LogDraft {
  private static let pieceSize = 1 << 18
  /// The disk gets its work in parts, so that others who wait for it wait for little. Bytes.
  private static let flushSize = 32 << 20

  let handle: FileHandle
  /// Bytes written so far.
  private(set) var size = 0
  private let draftPath: String
  private var piece: [UInt8] = []
  private var unflushed = 0

  /// - Parameter source: whose owner the draft is given.
  /// - Throws: ``SystemError``.
  init(path: String, like source: FileHandle) throws(SystemError) {
    draftPath = path
    try Files.remove(path)
    handle = try FileHandle(path: path, flags: .createNew)
    try handle.giveOwner(of: source)
  }

  /// - Throws: ``SystemError``.
  func add(_ bytes: some Collection<UInt8>) throws(SystemError) {
    piece += bytes
    size += bytes.count
    if piece.count >= Self.pieceSize { try write() }
  }

  /// Waits until all that was added is on the disk.
  /// - Throws: ``SystemError``.
  func synchronize() throws(SystemError) {
    try write()
    try handle.synchronize()
    unflushed = 0
  }

  /// Puts the draft in the place of the log's file, for good; under the log's lock.
  /// - Throws: ``StoreError``, ``SystemError``.
  func replace(_ current: LogFile, of log: AppendLog) throws {
    try synchronize()
    try log.replace(current, by: handle, at: draftPath)
  }

  /// Removes the draft.
  func discard() { try? Files.remove(draftPath) }

  private func write() throws(SystemError) {
    try handle.writeAll(piece, at: size - piece.count)
    unflushed += piece.count
    piece.removeAll(keepingCapacity: true)
    if unflushed >= Self.flushSize {
      try handle.synchronizeData()
      unflushed = 0
    }
  }
}
