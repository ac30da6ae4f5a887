/// Where the bytes of a request's body come from: memory, standard input.
public protocol RequestBody: Sendable {
  /// Reads until the end of the body, or one byte beyond `limit`, whichever comes first.
  /// - Parameters:
  ///   - limit: bytes.
  ///   - expected: what CONTENT_LENGTH says, where it says anything. A CGI body has no other end.
  func read(limit: Int, expected: Int?) throws(BodyError) -> [UInt8]
}

/// Why a body could not be had.
public enum BodyError: Error {
  /// Longer than the limit.
  case tooLarge
  /// Ended before CONTENT_LENGTH bytes had come, or went on after them.
  case lengthMismatch
  /// CONTENT_LENGTH is no number.
  case invalidLength
}

/// A body that is in memory already.
public struct BytesBody: RequestBody {
  private let bytes: [UInt8]

  public init(_ bytes: [UInt8] = []) { self.bytes = bytes }

  public func read(limit: Int, expected: Int?) -> [UInt8] {
    Array(bytes.prefix(limit + 1))
  }
}
