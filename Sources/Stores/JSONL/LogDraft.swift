import POSIX

/// A new log that is written beside the one it replaces.
///
/// If a process is interrupted at any step, the log is unchanged, and the next process replaces the draft.
/// One process at a time may write a draft: hold a lock from beginning to end.
final class LogDraft {
  private static let pieceSize = 1 << 18
  /// The draft is flushed in parts of this size, so that other writers wait less for the disk. Bytes.
  private static let flushSize = 32 << 20

  let handle: FileHandle
  /// Bytes added so far.
  private(set) var size = 0
  private let draftPath: String
  private var piece: [UInt8] = []
  private var unflushed = 0

  /// - Parameters:
  ///   - path: the draft's path. A file that an interrupted process left there is removed.
  ///   - source: the file whose owner the draft gets.
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

  /// Writes what was added and waits until it is on the disk.
  /// - Throws: ``SystemError``.
  func synchronize() throws(SystemError) {
    try write()
    try handle.synchronize()
    unflushed = 0
  }

  /// Flushes the draft and gives it the log's name. Call this under the log's lock.
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
