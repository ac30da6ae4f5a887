import COpenSSL

// JSON Web Tokens and the keys behind them: signing keys in PEM files, the key ring and the key set it
// publishes, issuing and verifying. No HTTP, no stores; who may have a token is decided elsewhere.

/// Why a signing key can't be used. The description names the file and never its content.
public struct KeyError: Error, Equatable, CustomStringConvertible {
  public let description: String

  init(_ description: String) {
    self.description = description
  }

  /// A failed OpenSSL call with the reason that OpenSSL gives.
  static func openSSL(_ call: String) -> KeyError {
    let code = ERR_get_error()
    ERR_clear_error()
    let reason = ERR_reason_error_string(code).map { String(cString: $0) } ?? "failed"
    return KeyError("\(call): \(reason)")
  }
}
