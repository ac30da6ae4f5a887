import POSIX

/// The paths of snapshots. A snapshot is named by the inode of its log, so that a compacted log has its
/// snapshot from the moment it gets its name.
enum SnapshotPath {
  /// The path of the snapshot of a log.
  static func of(_ log: FileStatus.Identity, log path: String) -> String {
    "\(path).snapshot-\(String(log.inode, radix: 16))"
  }

  /// Removes the snapshots of earlier logs of this name, and the drafts of interrupted processes.
  /// - Throws: ``SystemError``.
  static func removeOthers(than log: FileStatus.Identity, log path: String) throws(SystemError) {
    let (folder, kept) = (Files.parent(of: path), of(log, log: path))
    let prefix = "\(path.split(separator: "/").last ?? "").snapshot-"
    for name in try Files.names(in: folder) where name.hasPrefix(prefix) {
      if "\(folder)/\(name)" != kept { try Files.remove("\(folder)/\(name)") }
    }
  }
}
