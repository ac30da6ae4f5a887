import CLinux

extension [UInt8] {
  /// The index of the first occurrence of `part` at or after `start`; nil if there is none. `memmem(3)`.
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

extension ArraySlice<UInt8> {
  /// Whether `part` occurs in the slice. `memmem(3)`.
  public func holds(_ part: [UInt8]) -> Bool {
    withUnsafeBytes { memmem($0.baseAddress, $0.count, part, part.count) != nil }
  }
}
