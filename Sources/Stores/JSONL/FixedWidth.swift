extension ArraySlice<UInt8> {
  /// Takes these bytes off the front; false where others stand there.
  mutating func take(_ expected: [UInt8]) -> Bool {
    guard starts(with: expected) else { return false }
    self = dropFirst(expected.count)
    return true
  }

  /// Takes so many bytes off the front, as text.
  mutating func take(_ count: Int) -> String {
    defer { self = dropFirst(count) }
    return String(decoding: prefix(count), as: UTF8.self)
  }
}
