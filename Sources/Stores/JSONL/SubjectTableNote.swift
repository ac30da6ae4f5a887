import POSIX

/// A note in the lock file of the sessions: that the table of subjects was made.
///
/// The table is made before the file of sessions. If both are gone, the note tells an installation that has lost its
/// table from one that has never had one, such as a new one.
struct SubjectTableNote {
  private static let text = "The table of subjects was made.\n"

  /// The path of the file of sessions.
  let path: String

  /// Whether there was a table and is none.
  /// - Throws: ``StoreError``, ``SystemError``.
  func isTableGone() throws -> Bool {
    guard try isWritten() || FileStatus.ofFile(at: path) != nil else { return false }
    // Another process may have made both meanwhile.
    return try FileStatus.ofFile(at: SessionFiles.tablePath(of: path)) == nil
  }

  private var lockPath: String { SessionFiles.lockPath(of: path) }

  private func isWritten() throws -> Bool {
    guard let status = try FileStatus.ofFile(at: lockPath), status.size > 0 else { return false }
    return try SharedFiles.open(lockPath, flags: .read) != nil
  }

  /// Writes the note. Call this under the lock.
  /// - Throws: ``SystemError``.
  func write() throws {
    let file = try FileHandle(path: lockPath, flags: .create)
    if try file.status().size == 0 { try file.writeAll(Array(Self.text.utf8), at: 0) }
  }
}
