/// A body that is produced piece by piece. Each piece is produced when the client has taken the previous one. Use it
/// for a body that is too large for memory or takes long to find.
///
/// A stream is used once, by one thread at a time.
public final class BodyStream: @unchecked Sendable {
  private let produce: () throws -> [UInt8]?

  /// - Parameter produce: returns the next piece, and nil after the last. It returns within about 20 ms; if it has
  ///   nothing by then, it returns an empty piece, so that the server can check whether the client is still
  ///   connected. If it throws, the server closes the connection in the middle of the answer.
  public init(_ produce: @escaping () throws -> [UInt8]?) {
    self.produce = produce
  }

  /// The next piece, which may be empty; nil after the last.
  /// - Throws: what the producer throws.
  public func next() throws -> [UInt8]? { try produce() }
}
