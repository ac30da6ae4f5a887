import POSIX
import Stores

/// The permissions of the files that settings come from. A user who can write to one decides who signs in. A user who
/// can read a secret can use it.
extension Configuration {
  /// Refuses files that other users can change or replace.
  /// - Parameter file: the path of the YAML file; nil for none.
  /// - Throws: ``StoreError`` that names the file and the remedy.
  public func checkSources(file: String?) throws(StoreError) {
    for source in [file].compactMap({ $0 }) + secretFiles {
      let fault: TrustedFolder.Fault?
      do {
        fault = try TrustedFolder.fault(ofFile: source)
      } catch {
        throw StoreError("\(error.at(source))")
      }
      if let fault { throw StoreError("\(source): \(fault)") }
    }
  }

  /// A warning for each file with a secret that every user of this host can read.
  /// - Parameter file: the path of the YAML file; nil for none.
  public func exposedSecrets(file: String?) -> [String] {
    let isSecret = SettingDeclarations.all.contains { setting in
      if case .file = origin(of: setting.name) { setting.isSecret } else { false }
    }
    return ((isSecret ? [file].compactMap { $0 } : []) + secretFiles).compactMap { source in
      guard let status = try? FileStatus.ofFile(at: source), status.type == .regular,
        status.permissions & 0o004 != 0
      else { return nil }
      return "\(source) holds a secret and can be read by everybody: chmod o-r \(source)"
    }
  }
}
