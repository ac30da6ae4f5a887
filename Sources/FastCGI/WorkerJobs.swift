import CGI
import HTTPTypes
import Logging
import POSIX

/// Runs the requests of the blocking and the hashing lane.
extension WorkerLoop {
  /// The nice value of hashing threads. The other threads have 0.
  private static let hashingNiceness: Int32 = 10

  /// Whether requests wait for a thread.
  var hasWaiting: Bool { blocking.hasWaiting || hashing.hasWaiting }

  /// Runs the job of a connection that the blocking queue admitted, and then the jobs that wait.
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
      sendAndPark(connection)
    } catch {
      if !(error is PeerGone) { log.error("answer not completed, connection closed", error) }
    }
  }

  /// Sends as much of an answer as the peer takes, and parks the connection.
  private func sendAndPark(_ connection: Connection) {
    if connection.flush() { park(connection) }
  }

  /// Runs the job of a connection that the hashing queue admitted, and then the jobs that wait, on a thread of low
  /// priority.
  func startHashing(_ connection: Connection) {
    do throws(SystemError) {
      try Thread.detach { [self] in
        Thread.giveWay(by: Self.hashingNiceness)
        // A single login gets a share of the processor. When logins queue up, they run only while the processor is
        // idle, so that they delay no other request.
        runJobs(connection, of: hashing) { if hashing.hasWaiting { Thread.giveWayAltogether() } }
      }
    } catch {
      log.error(
        "password not checked, no thread for it: raise the limit of threads (TasksMax, ulimit -u)", error)
      var next: Connection? = connection
      while let connection = next {
        refuse(connection)
        next = hashing.next()
      }
    }
  }

  /// Answers 503 with `Retry-After: 1`. RFC 9110, sections 15.6.4 and 10.2.3.
  func refuse(_ connection: Connection) {
    // An answer that has begun can't become a 503. The connection closes, and the web server notices.
    guard let job = connection.job else { return }
    let problem = Problem(.serviceUnavailable, "too busy, try again later", fields: [.retryAfter: "1"])
    connection.answer(job, with: problem.response)
    sendAndPark(connection)
  }

  /// Refuses all requests that wait for a thread.
  func refuseWaiting() {
    for connection in blocking.removeAll() + hashing.removeAll() { refuse(connection) }
  }
}
