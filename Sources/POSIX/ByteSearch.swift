import CLinux

extension [UInt8] {
  /// Where a part first stands at or behind `start`; nil where it doesn't. `memmem(3)`.
  public func firstIndex(of part: [UInt8], from start: Int = 0) -> Int? {
    guard start < count else { return nil }
    return withUnsafeBytes { text in
      guard let found = memmem(text.baseAddress! + start, text.count - start, part, part.count) else {
        return nil
      }
      return UnsafeRawPointer(found) - text.baseAddress!
    }
  }
}
