/// What kind of resources a request needs. A server gives each lane a capacity of its own, so that requests that wait
/// don't delay requests that needn't.
public enum Lane: Sendable {
  /// Needs memory and microseconds of processor time: key sets, checks of tokens, health.
  case immediate
  /// May wait for a disk, a lock, a database or a slow client.
  case blocking
  /// Needs tens of milliseconds of processor time and doesn't wait: password hashes.
  case hashing
}

/// The work that answers a request, and the lane that it belongs to.
public struct Work: Sendable {
  /// The result of a run.
  public enum Outcome: Sendable {
    case response(Response)
    /// The work goes on in another lane.
    case next(Work)
  }

  public let lane: Lane
  private let body: @Sendable () -> Outcome

  public init(lane: Lane, _ body: @escaping @Sendable () -> Outcome) {
    self.lane = lane
    self.body = body
  }

  /// Runs the work until it is done or goes on in another lane.
  public func run() -> Outcome { body() }

  /// Runs the work to its end in the calling thread, whatever its lanes.
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
