import POSIX
import Stores

extension Settings {
  /// The folders that keys and shared files lie in.
  public var stateFolders: [String] {
    var folders: [String] = []
    let files = [effectiveChallengePath, effectiveRevocationPath, effectiveMintAuditPath]
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

  /// Refuses folders in which other users could exchange keys and shared files, or that they could exchange: whoever can remove the list of
  /// revocations makes revoked tokens good again.
  /// - Throws: ``StoreError`` that names the folder and what to do.
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
