import CArgon2
import POSIX

/// Hashes passwords with Argon2id, as PHC strings. RFC 9106; libargon2.
public enum PasswordHash {
  /// 19 MiB and two passes, OWASP's first recommendation. A hash takes about 30 ms.
  private static let memory: UInt32 = 19456
  private static let passes: UInt32 = 2

  /// Hashes a password with a new random salt of 16 bytes. libargon2, `argon2id_hash_encoded`.
  /// - Returns: the PHC string, `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`. The hash has 32 bytes.
  public static func make(_ password: String) -> String {
    let secret = Array(password.utf8)
    let salt = SecureRandom.bytes(16)
    var encoded = [CChar](repeating: 0, count: 128)
    let result = argon2id_hash_encoded(
      passes, memory, 1, secret, secret.count, salt, salt.count, 32, &encoded, encoded.count)
    precondition(result == ARGON2_OK.rawValue, "argon2id_hash_encoded: \(result)")
    return encoded.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }

  /// Whether a password matches a hash. The memory and the time depend on the parameters in the hash. libargon2,
  /// `argon2id_verify`.
  static func verifies(_ password: String, hash: String) -> Bool {
    let secret = Array(password.utf8)
    return argon2id_verify(hash, secret, secret.count) == ARGON2_OK.rawValue
  }

  /// Whether a text is an Argon2id hash that libargon2 can verify: `$argon2id$v=19$m=…,t=…,p=…$salt$hash`.
  static func isWellFormed(_ hash: String) -> Bool {
    let parts = hash.split(separator: "$", omittingEmptySubsequences: false)
    guard parts.count == 6, parts[0].isEmpty, parts[1] == "argon2id", parts[2] == "v=19" else {
      return false
    }
    let parameters = parts[3].split(separator: ",").map { $0.split(separator: "=") }
    guard parameters.map(\.first) == ["m", "t", "p"], parameters.allSatisfy({ $0.count == 2 }),
      let memory = UInt32(parameters[0][1]), let passes = UInt32(parameters[1][1]),
      let lanes = UInt32(parameters[2][1])
    else { return false }
    // RFC 9106, section 3.1.
    guard passes >= 1, (1...0xff_ffff).contains(lanes), memory >= 8 * lanes else { return false }
    return parts[4].utf8.count >= 11 && parts[5].utf8.count >= 16
      && parts[4...].allSatisfy { $0.utf8.allSatisfy(isBase64Digit) }
  }

  private static func isBase64Digit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"):
      true
    default: false
    }
  }
}
