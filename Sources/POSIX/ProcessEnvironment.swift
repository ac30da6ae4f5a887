import CLinux

/// This process's environment, `environ(7)`.
public enum ProcessEnvironment {
  /// The entries as C has them: `NAME=value`, nil behind the last. Valid while nobody changes the
  /// environment, which nothing here does.
  public static var entries: UnsafePointer<UnsafeMutablePointer<CChar>?> {
    UnsafePointer(process_environment())
  }

  /// All variables by name, as they were when first asked for.
  public static let variables = read(entries)

  /// Of two entries with one name the last counts.
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
