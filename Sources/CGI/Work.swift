/// What answering a request may take. A server gives each lane capacity of its own, so that those who wait don't keep
/// those from being answered who needn't.
public enum Lane: Sendable {
  /// Memory and microseconds of processor time: key sets, checks of tokens, health.
  case immediate
  /// May wait for a disk, a lock, a database, or a client that reads slowly.
  case blocking
  /// Takes tens of milliseconds of processor time, and waits for nothing: password hashes.
  case hashing
}

/// A request together with what answers it, and the lane that this belongs to.
public struct Work: Sendable {
  /// What came of it.
  public enum Outcome: Sendable {
    case response(Response)
    /// The rest belongs to another lane.
    case next(Work)
  }

  public let lane: Lane
  private let body: @Sendable () -> Outcome

  public init(lane: Lane, _ body: @escaping @Sendable () -> Outcome) {
    self.lane = lane
    self.body = body
  }

  /// Does the work, up to where another lane begins.
  public func run() -> Outcome { body() }

  /// Does all of the work.
  public func respond() -> Response {
    var work = self
    while true {
      switch work.run() {
      case .response(let response): return response
      case .next(let rest): work = rest
      }
    }
  }
}
