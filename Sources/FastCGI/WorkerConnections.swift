import CGI
import HTTPTypes
import POSIX

/// Accepts and serves connections, and routes each request to its lane.
extension WorkerLoop {
  /// How many requests a thread answers in a row on one connection before it serves others.
  private static let requestsInARow = 32
  /// How many new connections a thread accepts in a row before it serves others.
  private static let acceptBatch = 8

  /// Accepts and serves a batch of new connections. epoll reports the listening socket only once, so this rearms it
  /// after the batch, and kept connections get their turn.
  func acceptSome(_ buffer: UnsafeMutableRawBufferPointer) {
    for _ in 0..<Self.acceptBatch {
      switch acceptor.accept() {
      case .connection(let connection):
        guard advance(connection, buffer) == .run else { continue }
        // The job may block, and new connections must not wait for it.
        events.rearmListener(listener)
        return runJobs(connection)
      case .none: return
      case .noRoom: return events.rearmListener(listener)
      }
    }
    events.rearmListener(listener)
  }

  /// What the caller does with a connection next.
  enum Outcome {
    /// Nothing: it is closed, parked or queued.
    case done
    /// Calls ``runJobs(_:)``.
    case run
  }

  /// Serves a connection without blocking: answers requests of the immediate lane, queues the others, and parks the
  /// connection when nothing more can be read or sent.
  func advance(_ connection: Connection, _ buffer: UnsafeMutableRawBufferPointer) -> Outcome {
    for _ in 0..<Self.requestsInARow {
      switch connection.proceed(buffer) {
      case .closed: return .done
      case .wait:
        park(connection)
        return .done
      case .stream: return admit(connection, to: blocking)
      case .job: return admit(connection, to: queue(for: connection.job))
      case .request(let incoming):
        let job = job(for: incoming)
        guard job.work.lane == .immediate else {
          connection.job = job
          return admit(connection, to: queue(for: job))
        }
        switch Waiting.forbidden(job.work.run) {
        case .response(let response): connection.answer(job, with: response)
        case .next(let rest):
          let next = job.continued(by: rest)
          connection.job = next
          return admit(connection, to: queue(for: next))
        }
      }
    }
    park(connection)
    return .done
  }

  private func queue(for job: Connection.Job?) -> JobQueue { job?.work.lane == .hashing ? hashing : blocking }

  private func admit(_ connection: Connection, to queue: JobQueue) -> Outcome {
    switch queue.admit(connection) {
    case .run where queue === blocking: return .run
    case .run: startHashing(connection)
    case .queued: break
    case .refused: refuse(connection)
    }
    return .done
  }

  private func job(for incoming: RequestReader.Incoming) -> Connection.Job {
    if requestLimit > 0, served.add(1, ordering: .relaxed).newValue == requestLimit {
      stop.stopGracefully()
    }
    guard let variables = incoming.variables else {
      let problem = Problem(.requestHeaderFieldsTooLarge, "header fields too large")
      return Connection.Job(
        request: incoming, work: Work(lane: .immediate) { .response(problem.response) }, isHead: false)
    }
    let request = Request(variables: variables, body: BytesBody(incoming.body))
    return Connection.Job(
      request: incoming, work: handler(request, incoming.role), isHead: request.method == .head)
  }

  /// Leaves a connection to epoll until its socket is readable or writable.
  func park(_ connection: Connection) {
    let descriptor = connection.socket.descriptor
    let interest = connection.interest
    let isKnown = connection.isWatched
    connection.isWatched = true
    // Before epoll watches it: another thread may receive the event at once.
    parked.park(connection)
    do throws(SystemError) {
      try events.watch(descriptor, once: interest, isKnown: isKnown)
    } catch {
      log.error("connection closed, epoll can't watch it", error)
      _ = parked.take(descriptor)
    }
  }
}
