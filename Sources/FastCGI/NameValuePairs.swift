/// Reads FastCGI name-value pairs: two lengths, then name and value. FastCGI specification, section 3.4.
struct NameValuePairs {
  /// A length, a name or a value extends beyond the end of the bytes.
  struct Malformed: Error {}

  private let bytes: UnsafeRawBufferPointer
  private var position = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// The next pair; nil after the last. Name and value are views of the bytes given to ``init(_:)``.
  mutating func next() throws(Malformed) -> (name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)? {
    guard position < bytes.count else { return nil }
    let nameLength = try length()
    let valueLength = try length()
    return (try text(nameLength), try text(valueLength))
  }

  /// One byte below 128, or four bytes, big-endian, whose first bit is set.
  private mutating func length() throws(Malformed) -> Int {
    guard position < bytes.count else { throw Malformed() }
    let first = Int(bytes[position])
    guard first >= 0x80 else {
      position += 1
      return first
    }
    guard bytes.count - position >= 4 else { throw Malformed() }
    defer { position += 4 }
    return (first & 0x7f) << 24 | Int(bytes[position + 1]) << 16 | Int(bytes[position + 2]) << 8
      | Int(bytes[position + 3])
  }

  private mutating func text(_ length: Int) throws(Malformed) -> UnsafeRawBufferPointer {
    guard bytes.count - position >= length else { throw Malformed() }
    defer { position += length }
    return UnsafeRawBufferPointer(rebasing: bytes[position..<position + length])
  }
}
