import Crypto
import Wire

/// Whether a text equals a secret. It compares SHA-256 digests in constant time, so that the time reveals neither the
/// secret's length nor how many of its bytes match.
func isSameSecret(_ text: String, _ secret: String) -> Bool {
  equalInConstantTime(
    Array(SHA256.hash(data: Array(text.utf8))), Array(SHA256.hash(data: Array(secret.utf8))))
}
