import Glibc

/// Whether other users could exchange the files in a folder.
public enum TrustedFolder {
  /// What lets others remove or replace files in a folder, and what to do; nil where nothing does, or there is no folder.
  ///
  /// Root, and the user this process runs as, are trusted. For root, whose commands work in folders of services, any
  /// owner is. In a folder with the sticky bit, such as `/tmp`, others can't touch files that aren't theirs.
  /// - Throws: ``SystemError`` (`stat`).
  public static func fault(_ path: String) throws(SystemError) -> String? {
    guard let status = try FileStatus.ofFile(at: path), status.isDirectory else { return nil }
    let user = geteuid()
    guard status.owner == user || status.owner == 0 || user == 0 else {
      let (owner, own) = (Account.name(of: status.owner), Account.name(of: user))
      return "belongs to user \(owner), and this process runs as \(own): chown -R \(own) \(path)"
    }
    let isSticky = status.permissions & 0o1000 != 0
    guard isSticky || status.permissions & 0o022 == 0 else {
      return "can be written by others: chmod go-w \(path)"
    }
    return nil
  }
}
