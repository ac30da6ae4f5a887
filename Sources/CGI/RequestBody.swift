/// The source of a request's body: memory or standard input.
public protocol RequestBody: Sendable {
  /// Reads to the end of the body, but at most one byte more than `limit`.
  /// - Parameters:
  ///   - limit: the largest body, in bytes.
  ///   - expected: CONTENT_LENGTH in bytes; nil if there is none. It marks the end of the body of a CGI script (RFC
  ///     3875, section 4.2).
  /// - Throws: ``BodyError``.
  func read(limit: Int, expected: Int?) throws(BodyError) -> [UInt8]
}

/// Why reading a body failed.
public enum BodyError: Error {
  /// The body exceeds the limit.
  case tooLarge
  /// The body is shorter or longer than CONTENT_LENGTH.
  case lengthMismatch
  /// CONTENT_LENGTH isn't a decimal number.
  case invalidLength

  /// The answer: 413, or 400.
  /// - Parameter limit: the longest body that is read. Bytes.
  public func problem(limit: Int) -> Problem {
    switch self {
    case .tooLarge: Problem(.contentTooLarge, "body larger than \(limit) bytes")
    case .lengthMismatch: Problem(.badRequest, "body and Content-Length differ")
    case .invalidLength: Problem(.badRequest, "Content-Length is no number")
    }
  }
}

/// A body in memory.
public struct BytesBody: RequestBody {
  private let bytes: [UInt8]

  public init(_ bytes: [UInt8] = []) { self.bytes = bytes }

  public func read(limit: Int, expected: Int?) -> [UInt8] {
    Array(bytes.prefix(limit + 1))
  }
}
