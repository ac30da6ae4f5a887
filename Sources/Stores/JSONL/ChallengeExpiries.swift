// When the records of a file expire, read past damaged ones.
extension ChallengeFile {
  /// When the first readable record expires, or nil if there is none. Milliseconds since 1970.
  func firstExpiry() throws -> Int? {
    try firstReadable(in: 0..<Self.count(size: try size()))?.expiry
  }

  /// When the last readable record expires, or nil if there is none. The damaged records after it are never
  /// accepted. Milliseconds since 1970.
  func lastExpiry() throws -> Int? {
    var end = Self.count(size: try size())
    // Usually the last record is readable.
    var start = max(0, end - 1)
    while start < end {
      let readable = try records(in: start..<end).compactMap(\.self)
      if let last = readable.last { return last.expiry }
      end = start
      start = max(0, end - Self.recordsAtOnce)
    }
    return nil
  }

  /// The index of the first of `count` records that expires after `now`. Records are in the order of their
  /// expiry. A damaged record before that one may be counted as unexpired.
  /// - Parameter now: milliseconds since 1970.
  func firstUnexpired(now: Int, count: Int) throws -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      // A damaged record has no expiry, so the next readable one decides.
      guard let (index, expiry) = try firstReadable(in: middle..<high), expiry <= now else {
        high = middle
        continue
      }
      low = index + 1
    }
    return low
  }

  /// How many records are read at once after a damaged one.
  private static let recordsAtOnce = 256

  /// The first readable record of a range.
  private func firstReadable(in range: Range<Int>) throws -> (index: Int, expiry: Int)? {
    var start = range.lowerBound
    // Usually the first record is readable.
    var end = min(start + 1, range.upperBound)
    while start < end {
      let records = try records(in: start..<end)
      for (index, record) in zip(start..., records) {
        if let record { return (index, record.expiry) }
      }
      start = end
      end = min(start + Self.recordsAtOnce, range.upperBound)
    }
    return nil
  }
}
