import AuthServer
import Glibc
import POSIX
import Stores

/// Looks whether the user that this process runs as can work with the files of a configuration.
struct AccessReview {
  /// What is in the way: the path, what is wrong, and what to do.
  private(set) var faults: [String] = []
  private var distrusted: [String] = []
  private let user = Account.name(of: geteuid())

  /// - Parameter sources: the files that settings were read from.
  init(_ settings: Settings, sources: [String]) throws {
    for file in sources where review(file, R_OK, remedy: "chgrp \(user) \(file) && chmod g+r \(file)") {
      if let fault = try TrustedFolder.fault(ofFile: file) { report(fault, of: file) }
    }
    for folder in settings.stateFolders { try review(folder: folder) }
    for key in names(in: settings.effectiveKeyPath) where key.hasSuffix(".pem") {
      review(key, R_OK, remedy: "chown \(user) \(key)")
    }
    let stores = [
      settings.effectiveChallengePath, settings.effectiveRevocationPath, settings.effectiveMintAuditPath,
    ]
    for store in stores {
      for file in names(in: Files.parent(of: store)) where file.hasPrefix(store) && !Self.isSetAside(file) {
        guard review(file, R_OK | W_OK, remedy: "chown \(user) \(file)") else { continue }
        do { try StoreFile.checkTrust(file) } catch { faults.append("\(error)") }
      }
    }
  }

  private mutating func review(folder: String) throws {
    let remedy = "chown -R \(user) \(folder)"
    guard try status(folder) != nil else {
      // Root's processes make it themselves; others can't, where it belongs.
      if let place = blocked(folder) ?? notWritable(Files.parent(of: folder)) {
        faults.append(
          "\(folder): doesn't exist, and \(user) can't make it in \(place): install -d -m 0700 -o \(user) \(folder)"
        )
      } else {
        try reviewTrust(folder)
      }
      return
    }
    if review(folder, R_OK | W_OK | X_OK, remedy: remedy) { try reviewTrust(folder) }
  }

  private mutating func reviewTrust(_ folder: String) throws {
    if let fault = try TrustedFolder.fault(folder) { report(fault, of: folder) }
  }

  /// A folder above several is told of once.
  private mutating func report(_ fault: TrustedFolder.Fault, of path: String) {
    guard !distrusted.contains(fault.place) else { return }
    distrusted.append(fault.place)
    faults.append("\(path): \(fault)")
  }

  /// - Returns: whether the user has the rights.
  @discardableResult
  private mutating func review(_ path: String, _ rights: Int32, remedy: String) -> Bool {
    if let folder = blocked(path) {
      faults.append("\(path): \(user) can't enter \(folder): chmod a+x \(folder)")
      return false
    }
    guard access(path, rights) != 0 else { return true }
    let denied = [(R_OK, "read"), (W_OK, "write"), (X_OK, "enter")].filter {
      rights & $0.0 != 0 && access(path, $0.0) != 0
    }
    let verbs = Self.list(denied.map(\.1))
    faults.append("\(path): \(user) can't \(verbs) it; it \(Self.description(path)): \(remedy)")
    return false
  }

  /// The topmost folder above a path that the user can't pass; nil where there is none.
  private func blocked(_ path: String) -> String? {
    var folders: [String] = []
    var folder = Files.parent(of: path)
    while folder != "/" && folder != "." {
      folders.append(folder)
      folder = Files.parent(of: folder)
    }
    return folders.last { access($0, X_OK) != 0 && errno == EACCES }
  }

  /// The folder itself or, where that isn't there, the one above it in which the user can't make it.
  private func notWritable(_ folder: String) -> String? {
    var folder = folder
    while access(folder, F_OK) != 0, folder != Files.parent(of: folder) { folder = Files.parent(of: folder) }
    return access(folder, W_OK | X_OK) == 0 ? nil : folder
  }

  /// Behind a folder that can't be passed, nothing is known to be there.
  private func status(_ path: String) throws -> FileStatus? {
    do throws(SystemError) {
      return try FileStatus.ofFile(at: path)
    } catch  where error.code == EACCES {
      return nil
    }
  }

  /// The files of a folder, or the file that the path is. What can't be listed was told of with the folder.
  private func names(in path: String) -> [String] {
    guard (try? FileStatus.ofFile(at: path))??.isDirectory == true else {
      return access(path, F_OK) == 0 ? [path] : []
    }
    return ((try? Files.names(in: path)) ?? []).map { "\(path)/\($0)" }
  }

  /// What nobody but a person looks at.
  private static func isSetAside(_ file: String) -> Bool { file.contains(".bad-") || file.contains(".torn-") }

  /// `a`, `a and b`, `a, b and c`.
  private static func list(_ words: [String]) -> String {
    let first = words.dropLast().joined(separator: ", ")
    return (first.isEmpty ? "" : "\(first) and ") + (words.last ?? "")
  }

  private static func description(_ path: String) -> String {
    guard let status = try? FileStatus.ofFile(at: path) else { return "can't be looked at" }
    let mode = String(status.permissions, radix: 8)
    return "belongs to \(Account.name(of: status.owner)), mode 0\(mode)"
  }
}
