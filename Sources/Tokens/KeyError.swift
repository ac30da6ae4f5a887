import COpenSSL

/// Why a signing key can't be used.
public struct KeyError: Error, Equatable, CustomStringConvertible {
  /// Names the file, and never its content.
  public let description: String

  init(_ description: String) {
    self.description = description
  }

  /// A failed OpenSSL call, with the reason from `ERR_get_error`.
  static func openSSL(_ call: String) -> KeyError {
    let code = ERR_get_error()
    ERR_clear_error()
    let reason = ERR_reason_error_string(code).map { String(cString: $0) } ?? "failed"
    return KeyError("\(call): \(reason)")
  }
}
