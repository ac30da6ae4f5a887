/// What answering a request may take. A server gives each lane capacity of its own, so that those who wait don't keep
/// those from being answered who needn't.
public enum Lane: Sendable {
  /// Memory and microseconds of processor time: key sets, checks of tokens, health.
  case immediate
  /// May wait for a disk, a lock, a database, or a client that reads slowly.
  case blocking
  /// Takes tens of milliseconds of processor time: password hashes.
  case hashing
}

/// A request together with what answers it, and the lane that this belongs to.
public struct Work: Sendable {
  public let lane: Lane
  private let body: @Sendable () -> Response

  public init(lane: Lane, _ body: @escaping @Sendable () -> Response) {
    self.lane = lane
    self.body = body
  }

  /// Does the work.
  public func run() -> Response { body() }
}
