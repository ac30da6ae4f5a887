// The encodings that every other module speaks: JSON read strictly, hex, base64url, byte comparison.
// No files, no HTTP, no cryptography.

extension StringProtocol {
  /// Whether two strings are the same bytes.
  ///
  /// `==` on strings is canonical equivalence: the Kelvin sign equals "K", so identifiers and roles
  /// that must not be confused are compared with this.
  @inlinable
  public func hasSameBytes(as other: some StringProtocol) -> Bool {
    guard utf8.count == other.utf8.count else { return false }
    // Where the bytes lie in a row, which is nearly always, several times as fast.
    let isSame = utf8.withContiguousStorageIfAvailable { left in
      other.utf8.withContiguousStorageIfAvailable { right in
        left.elementsEqual(right)
      }
    }
    return (isSame ?? nil) ?? utf8.elementsEqual(other.utf8)
  }
}

extension Sequence where Element: StringProtocol {
  /// Whether one of the strings is the same bytes as this one.
  @inlinable
  public func containsBytes(of string: some StringProtocol) -> Bool {
    contains { $0.hasSameBytes(as: string) }
  }
}

extension [UInt8] {
  /// Appends a text's bytes: in one go, where appending its UTF-8 view goes byte by byte.
  public mutating func append(_ text: String) {
    var text = text
    text.withUTF8 { append(contentsOf: $0) }
  }
}

/// Whether two byte strings are equal, in a time that depends only on their lengths.
public func equalInConstantTime(_ left: [UInt8], _ right: [UInt8]) -> Bool {
  guard left.count == right.count else { return false }
  var difference: UInt8 = 0
  for index in left.indices { difference |= left[index] ^ right[index] }
  return difference == 0
}
