import CGI
import POSIX

extension Connection {
  /// A request that isn't answered yet, and the work that answers it.
  struct Job {
    /// How long a request may take, in queues and in stores together. It ends before the web server gives up: nginx
    /// waits 10 s in the shipped configuration. Nanoseconds.
    private static let timeout: UInt64 = 9_000_000_000

    let request: RequestReader.Incoming
    let work: Work
    let isHead: Bool
    var deadline = Clock.monotonicNanoseconds + timeout

    /// The same job in its next lane, with the same deadline.
    func continued(by rest: Work) -> Job {
      Job(request: request, work: rest, isHead: isHead, deadline: deadline)
    }
  }
}
