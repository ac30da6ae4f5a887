import AuthServer
import Glibc
import POSIX
import Stores

/// Checks whether the user of this process has the rights to the files of a configuration, and whether other users
/// can change or replace them.
struct AccessReview {
  /// The faults. Each names the path, what is wrong, and the remedy.
  private(set) var faults: [String] = []
  /// The places whose permissions are reported already.
  private var distrusted: [String] = []
  private let user = Account.name(of: geteuid())

  /// - Parameter sources: the paths of the files that settings were read from.
  /// - Throws: ``SystemError`` if a file can't be examined.
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
      settings.effectiveSessionPath,
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
      // Root creates a missing folder when it is needed. Another user must be able to.
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

  /// Several paths may lie in one folder with a fault. The folder is reported once.
  private mutating func report(_ fault: TrustedFolder.Fault, of path: String) {
    guard !distrusted.contains(fault.place) else { return }
    distrusted.append(fault.place)
    faults.append("\(path): \(fault)")
  }

  /// Reports a path if the user lacks rights to it.
  /// - Parameters:
  ///   - rights: as in `access(2)`: `R_OK`, `W_OK`, `X_OK`.
  ///   - remedy: the command that gives the user the rights.
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

  /// The topmost folder above a path that the user can't enter; nil if there is none.
  private func blocked(_ path: String) -> String? {
    var folders: [String] = []
    var folder = Files.parent(of: path)
    while folder != "/" && folder != "." {
      folders.append(folder)
      folder = Files.parent(of: folder)
    }
    return folders.last { access($0, X_OK) != 0 && errno == EACCES }
  }

  /// The folder or, if it doesn't exist, the nearest existing one above it, if the user can't write there; nil if the
  /// user can.
  private func notWritable(_ folder: String) -> String? {
    var folder = folder
    while access(folder, F_OK) != 0, folder != Files.parent(of: folder) { folder = Files.parent(of: folder) }
    return access(folder, W_OK | X_OK) == 0 ? nil : folder
  }

  /// The status of a path; nil if nothing is there, or if the user can't enter a folder above it.
  private func status(_ path: String) throws -> FileStatus? {
    do throws(SystemError) {
      return try FileStatus.ofFile(at: path)
    } catch  where error.code == EACCES {
      return nil
    }
  }

  /// The paths of the files in a folder, or the path itself if it is a file. A folder that can't be listed gives
  /// none, because it is reported already.
  private func names(in path: String) -> [String] {
    guard (try? FileStatus.ofFile(at: path))??.isDirectory == true else {
      return access(path, F_OK) == 0 ? [path] : []
    }
    return ((try? Files.names(in: path)) ?? []).map { "\(path)/\($0)" }
  }

  /// Whether a file is a copy of bad or torn records that a repair or recovery has set aside. The program never reads
  /// it.
  private static func isSetAside(_ file: String) -> Bool { file.contains(".bad-") || file.contains(".torn-") }

  /// Joins words: `a`, `a and b`, `a, b and c`.
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
