import POSIX
import Stores

extension Settings {
  /// The folders of the keys and the shared files, without duplicates.
  public var stateFolders: [String] {
    var folders: [String] = []
    let files = [
      effectiveChallengePath, effectiveRevocationPath, effectiveMintAuditPath, effectiveSessionPath,
      effectiveThrottlePath,
    ]
    for folder in [self.stateFolder] + files.map(Files.parent) + [keyFolder]
    where !folders.contains(where: { $0.utf8.elementsEqual(folder.utf8) }) {
      folders.append(folder)
    }
    return folders
  }

  private var keyFolder: String {
    let status = try? FileStatus.ofFile(at: effectiveKeyPath)
    return status.map(\.isDirectory) ?? !effectiveKeyPath.hasSuffix(".pem")
      ? effectiveKeyPath : Files.parent(of: effectiveKeyPath)
  }

  /// Refuses folders that other users can replace, or in which they can replace files. A user who can remove the
  /// revocations makes revoked tokens valid again.
  /// - Throws: ``StoreError`` that names the folder and the remedy.
  public func checkFolders() throws(StoreError) {
    for folder in stateFolders {
      let fault: TrustedFolder.Fault?
      do {
        fault = try TrustedFolder.fault(folder)
      } catch {
        throw StoreError("\(error.at(folder))")
      }
      if let fault { throw StoreError("\(folder): \(fault)") }
    }
  }
}
