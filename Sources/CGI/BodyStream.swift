/// A body that is made piece by piece, each once the client has taken the one before: for what is too large to be
/// held in memory, and for what takes long to find.
///
/// Used once, by one thread at a time.
public final class BodyStream: @unchecked Sendable {
  private let produce: () throws -> [UInt8]?

  /// - Parameter produce: gives the next piece, nil behind the last. It returns within some 20 ms: an empty piece lets
  ///   the server look whether the client is still there. What it throws breaks the answer off.
  public init(_ produce: @escaping () throws -> [UInt8]?) {
    self.produce = produce
  }

  /// The next piece, which may be empty; nil behind the last.
  public func next() throws -> [UInt8]? { try produce() }
}
