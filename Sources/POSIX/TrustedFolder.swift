import Glibc

/// Checks whether other users could replace the files in a folder, or the folder itself.
///
/// Root and the user of this process are trusted. A process of root's trusts every owner, because root's commands work in the
/// folders of services. In a folder with the sticky bit, such as `/tmp`, others can't touch files that aren't theirs.
public enum TrustedFolder {
  /// A permission that lets others remove or replace files.
  public struct Fault: CustomStringConvertible {
    /// The path of the folder or link.
    public let place: String
    /// The fault and the remedy.
    public let description: String
  }

  /// How many symbolic links a path may have. `path_resolution(7)`.
  private static let maximumLinks = 40

  /// The fault of a folder, of a folder above it, or of a link on the way to it, that lets others remove or replace its files.
  /// A missing folder has no fault of its own.
  /// - Returns: nil if there is no fault.
  /// - Throws: ``SystemError`` (`stat`, `lstat`, `readlink`).
  public static func fault(_ path: String) throws(SystemError) -> Fault? {
    if let status = try FileStatus.ofFile(at: path), status.isDirectory {
      let own = Account.name(of: geteuid())
      if let fault = fault(of: status, path, as: "", ownersRemedy: "chown -R \(own) \(path)") { return fault }
    }
    return try faultAbove(path)
  }

  /// The fault that lets others write to a file, or put another one in its place. A file without a name, such as one in memory,
  /// is trusted as its opener is.
  /// - Returns: nil if there is no fault, or no such file.
  /// - Throws: ``SystemError`` (`stat`, `lstat`, `readlink`).
  public static func fault(ofFile path: String) throws(SystemError) -> Fault? {
    guard let status = try FileStatus.ofFile(at: path), status.links > 0,
      status.type == .regular || status.type == .pipe
    else { return nil }
    guard isTrusted(status.owner) else { return fault(ofOwner: status, path, as: "", "chown root \(path)") }
    guard status.permissions & 0o022 == 0 else {
      return Fault(place: path, description: "can be written by others: chmod go-w \(path)")
    }
    return try faultAbove(path)
  }

  /// Walks to a folder or file as the kernel does, through every link, and checks each folder in which it looks up a name.
  private static func faultAbove(_ path: String) throws(SystemError) -> Fault? {
    var place = ""
    var names: [Substring] = []
    func enter(_ target: String) throws(SystemError) {
      if target.hasPrefix("/") { place = "" }
      names += target.split(separator: "/").reversed()
    }
    try enter(path)
    if !path.hasPrefix("/") { try enter(Files.workingFolder()) }
    // The walk has checked the folders above it.
    var unseen = try FileStatus.ofFile(at: "/")
    var links = 0
    while let name = names.popLast() {
      if name == "." { continue }
      if name == ".." {
        place = place.isEmpty ? "" : String(place[..<(place.lastIndex(of: "/") ?? place.startIndex)])
        unseen = nil
        continue
      }
      if let status = unseen, let fault = faultAbove(status, place.isEmpty ? "/" : place) { return fault }
      let entry = "\(place)/\(name)"
      guard let status = try FileStatus.ofEntry(at: entry) else { return nil }
      guard status.type == .link else {
        place = entry
        unseen = status
        continue
      }
      if !isTrusted(status.owner) {
        return fault(
          ofOwner: status, entry, as: "the link \(entry) on the way to it ", "chown -h root \(entry)")
      }
      links += 1
      guard links <= maximumLinks else { throw SystemError(call: "open", code: ELOOP, path: path) }
      unseen = nil
      try enter(Files.target(ofLink: entry))
    }
    return nil
  }

  private static func faultAbove(_ status: FileStatus, _ path: String) -> Fault? {
    fault(of: status, path, as: "the folder \(path) above it ", ownersRemedy: "chown root \(path)")
  }

  private static func fault(
    of status: FileStatus, _ path: String, as subject: String, ownersRemedy: String
  ) -> Fault? {
    guard isTrusted(status.owner) else { return fault(ofOwner: status, path, as: subject, ownersRemedy) }
    let isSticky = status.permissions & 0o1000 != 0
    guard isSticky || status.permissions & 0o022 == 0 else {
      return Fault(place: path, description: "\(subject)can be written by others: chmod go-w \(path)")
    }
    return nil
  }

  private static func fault(
    ofOwner status: FileStatus, _ path: String, as subject: String, _ remedy: String
  ) -> Fault {
    let (owner, own) = (Account.name(of: status.owner), Account.name(of: geteuid()))
    return Fault(
      place: path,
      description: "\(subject)belongs to user \(owner), and this process runs as \(own): \(remedy)")
  }

  private static func isTrusted(_ owner: UInt32) -> Bool {
    let user = geteuid()
    return owner == user || owner == 0 || user == 0
  }
}
