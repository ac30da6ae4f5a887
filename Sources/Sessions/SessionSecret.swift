import Crypto
import POSIX
import Wire

/// The value of a session's cookie: the identifier of the session, a dot, and a secret in base64url. The store keeps a
/// digest of the secret, so neither the identifier nor a stolen file opens the session.
struct SessionSecret {
  /// Bytes.
  private static let size = 32

  let id: String
  let secret: [UInt8]

  init(id: String, secret: [UInt8]) {
    self.id = id
    self.secret = secret
  }

  /// Reads the value of a cookie; nil if it has another form.
  init?(_ text: String) {
    guard let dot = text.utf8.firstIndex(of: UInt8(ascii: ".")),
      let secret = Base64URL.decode(text.utf8[text.utf8.index(after: dot)...]), secret.count == Self.size
    else { return nil }
    self.init(id: String(text[..<dot]), secret: secret)
  }

  /// The value of the cookie.
  var text: String { id + "." + String(decoding: Base64URL.encode(secret), as: UTF8.self) }

  static func newSecret() -> [UInt8] { SecureRandom.bytes(size) }

  /// SHA-256, 32 bytes. The secret is random, so a slow hash gains nothing.
  static func digest(_ secret: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: secret)) }
}
