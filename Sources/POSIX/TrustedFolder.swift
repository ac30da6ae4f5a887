import Glibc

/// Whether other users could exchange the files in a folder, or the folder itself.
///
/// Root, and the user this process runs as, are trusted. For root, whose commands work in folders of services, any
/// owner is. In a folder with the sticky bit, such as `/tmp`, others can't touch files that aren't theirs.
public enum TrustedFolder {
  /// What lets others remove or replace files.
  public struct Fault: CustomStringConvertible {
    /// The folder or link that it is about.
    public let place: String
    /// What is wrong, and what to do.
    public let description: String
  }

  /// How many symbolic links a path may have. `path_resolution(7)`.
  private static let maximumLinks = 40

  /// What lets others remove or replace files in a folder, be it by the folder, by one above it, or by a link on the way to
  /// it; nil where nothing does. A folder that isn't there has none, those above it may.
  /// - Throws: ``SystemError`` (`stat`, `lstat`, `readlink`).
  public static func fault(_ path: String) throws(SystemError) -> Fault? {
    if let status = try FileStatus.ofFile(at: path), status.isDirectory {
      let own = Account.name(of: geteuid())
      if let fault = fault(of: status, path, as: "", ownersRemedy: "chown -R \(own) \(path)") { return fault }
    }
    return try faultAbove(path)
  }

  /// What lets others write to a file, or put another in its place; nil where nothing does, or there is no such file. A file
  /// without a name, as in memory or a deleted one, is left to whoever passed it on.
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

  /// Walks to a folder or file as the kernel does, through every link, and looks at each folder that a name is looked up in.
  private static func faultAbove(_ path: String) throws(SystemError) -> Fault? {
    var place = ""
    var names: [Substring] = []
    func enter(_ target: String) throws(SystemError) {
      if target.hasPrefix("/") { place = "" }
      names += target.split(separator: "/").reversed()
    }
    try enter(path)
    if !path.hasPrefix("/") { try enter(Files.workingFolder()) }
    // Those above it were looked at on the way to it.
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
