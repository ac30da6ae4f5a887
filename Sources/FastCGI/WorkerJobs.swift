import CGI
import HTTPTypes
import Logging
import POSIX

/// Running requests that are not answered at once, each in its lane.
extension WorkerLoop {
  /// How much hashing threads give way to the others.
  private static let hashingNiceness: Int32 = 10

  /// Whether requests wait for a thread.
  var hasWaiting: Bool { blocking.hasWaiting || hashing.hasWaiting }

  /// Runs the job of a connection that was let in, and those that wait behind it.
  func runJobs(_ connection: Connection) { runJobs(connection, of: blocking) }

  private func runJobs(_ first: Connection, of queue: JobQueue, before: () -> Void = {}) {
    var next: Connection? = first
    while let connection = next {
      before()
      run(connection)
      next = queue.next()
    }
  }

  private func run(_ connection: Connection) {
    do {
      try connection.runJob()
      settle(connection)
    } catch {
      if !(error is PeerGone) { log.error("answer broken off", error) }
    }
  }

  /// Sends what the peer takes of an answer, and leaves the rest, or the next request, to epoll.
  private func settle(_ connection: Connection) {
    if connection.flush() { park(connection) }
  }

  /// Hashes on a thread of its own, which gives way to all others.
  func startHashing(_ connection: Connection) {
    do throws(SystemError) {
      try Thread.detach { [self] in
        Thread.giveWay(by: Self.hashingNiceness)
        // A login by itself gets its share of the processor; of many at once none delays another request.
        runJobs(connection, of: hashing) { if hashing.hasWaiting { Thread.giveWayAltogether() } }
      }
    } catch {
      log.error("no thread for a password", error)
      var next: Connection? = connection
      while let connection = next {
        refuse(connection)
        next = hashing.next()
      }
    }
  }

  /// Answers that the server is too busy. RFC 9110, section 15.6.4.
  func refuse(_ connection: Connection) {
    // The rest of an answer that has begun: the web server is told by the end of the connection.
    guard let job = connection.job else { return }
    let problem = Problem(.serviceUnavailable, "too busy, try again later", fields: [.retryAfter: "1"])
    connection.answer(job, with: problem.response)
    settle(connection)
  }

  /// Refuses all that wait for a thread.
  func refuseWaiting() {
    for connection in blocking.removeAll() + hashing.removeAll() { refuse(connection) }
  }
}
