import Crypto
import POSIX
import Wire

/// The value of a session's cookie: a secret in base64url, and the identifier of the session. The store keeps a digest of
/// the secret, so neither the identifier nor a stolen file opens the session.
struct SessionSecret {
  /// Bytes.
  private static let size = 32
  /// Characters of base64url.
  private static let width = 43

  let id: String
  let secret: [UInt8]

  init(id: String, secret: [UInt8]) {
    self.id = id
    self.secret = secret
  }

  /// Reads the value of a cookie; nil if it has another form.
  init?(_ text: String) {
    guard let secret = Base64URL.decode(text.utf8.prefix(Self.width)), secret.count == Self.size else {
      return nil
    }
    self.init(id: String(Substring(text.utf8.dropFirst(Self.width))), secret: secret)
  }

  /// The value of the cookie.
  var text: String { String(decoding: Base64URL.encode(secret), as: UTF8.self) + id }

  static func newSecret() -> [UInt8] { SecureRandom.bytes(size) }

  /// SHA-256, 32 bytes. The secret is random, so a slow hash gains nothing.
  static func digest(_ secret: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: secret)) }
}
