import CLinux

/// The environment of this process. `environ(7)`.
public enum ProcessEnvironment {
  /// The entries `NAME=value` as C strings, and nil after the last. Valid until the environment changes; this program
  /// never changes it.
  public static var entries: UnsafePointer<UnsafeMutablePointer<CChar>?> {
    UnsafePointer(process_environment())
  }

  /// All variables by name, read once.
  public static let variables = read(entries)

  /// If two entries have the same name, the last one counts.
  static func read(_ entries: UnsafePointer<UnsafeMutablePointer<CChar>?>) -> [String: String] {
    var variables: [String: String] = [:]
    var next = entries
    while let entry = next.pointee {
      let text = String(cString: entry)
      if let equals = text.firstIndex(of: "=") {
        variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
      }
      next += 1
    }
    return variables
  }
}
