// The module Wire owns the encodings that all modules share: strict JSON, hex, base64url, byte comparison, and text
// that is safe to show. It knows nothing of files, HTTP or cryptography.

extension StringProtocol {
  /// Whether two strings have the same UTF-8 bytes.
  ///
  /// Compare identifiers, roles and addresses with this. `==` on strings is Unicode canonical equivalence, by which
  /// the Kelvin sign (U+212A) equals "K".
  @inlinable
  public func hasSameBytes(as other: some StringProtocol) -> Bool {
    guard utf8.count == other.utf8.count else { return false }
    // Nearly all strings are contiguous. Comparing their storage is several times as fast.
    let isSame = utf8.withContiguousStorageIfAvailable { left in
      other.utf8.withContiguousStorageIfAvailable { right in
        left.elementsEqual(right)
      }
    }
    return (isSame ?? nil) ?? utf8.elementsEqual(other.utf8)
  }
}

extension Sequence where Element: StringProtocol {
  /// Whether one of the strings has the same UTF-8 bytes as `string`.
  @inlinable
  public func containsBytes(of string: some StringProtocol) -> Bool {
    contains { $0.hasSameBytes(as: string) }
  }
}

extension [UInt8] {
  /// Appends a text's UTF-8 bytes at once. Appending its UTF-8 view goes byte by byte.
  public mutating func append(_ text: String) {
    var text = text
    text.withUTF8 { append(contentsOf: $0) }
  }
}
