extension ArraySlice<UInt8> {
  /// Removes the expected bytes from the front. Returns false if other bytes are there.
  mutating func take(_ expected: [UInt8]) -> Bool {
    guard starts(with: expected) else { return false }
    self = dropFirst(expected.count)
    return true
  }

  /// Removes `count` bytes from the front and returns them as text.
  mutating func take(_ count: Int) -> String {
    defer { self = dropFirst(count) }
    return String(decoding: prefix(count), as: UTF8.self)
  }
}
