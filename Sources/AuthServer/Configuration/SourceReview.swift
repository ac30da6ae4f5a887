import POSIX
import Stores

/// The files that settings come from: whoever can write to one decides who signs in, and whoever can read a secret can use it.
extension Configuration {
  /// Refuses files that other users could change or exchange.
  /// - Parameter file: the YAML file, if any.
  /// - Throws: ``StoreError`` that names the file and what to do.
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
  /// - Parameter file: the YAML file, if any.
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
