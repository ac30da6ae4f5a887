import CGI
import HTTPTypes
import Logging
import POSIX
import Stores
import Synchronization
import Wire

/// `GET /health/ready`: says whether the process can answer requests now. It answers 200, or 503 with the checks that
/// fail.
final class ReadinessRoute: Sendable {
  /// How long the result of a check is reused. A check writes to the disk, and any client may request it.
  /// Nanoseconds.
  private static let validity: UInt64 = 1_000_000_000

  private let checks: [(name: String, check: @Sendable () throws -> Void)]
  private let reserve: SpaceReserve?
  private let logger: Logger
  private let state = Mutex(State())

  private struct State {
    /// The end of the last check, or the start of the present one. Monotonic clock, nanoseconds.
    var since: UInt64 = 0
    /// The names of the checks that failed last; nil before the first check has ended.
    var failed: [String]?
    var isChecking = false
  }

  /// Collects the checks: the stores that must accept records, and the free disk space. The keys need no check,
  /// because the process doesn't start without them.
  init(_ context: RouteContext) {
    let stores = context.stores
    var checks: [(name: String, check: @Sendable () throws -> Void)] = [
      ("challenges", { try stores.challenges.checkWritable() }),
      ("revocations", { try stores.revocations.checkWritable() }),
      ("sessions", { try stores.sessions.checkWritable() }),
      ("throttles", { try stores.throttles.checkWritable() }),
    ]
    if context.settings.mintAuditRequired { checks.append(("mints", { try stores.mints.checkWritable() })) }
    reserve = stores.reserve
    if let reserve, reserve.size > 0 { checks.append(("free space", { try reserve.require() })) }
    self.checks = checks
    logger = context.logger
  }

  @Sendable func respond(_ request: Request) throws(Problem) -> Response {
    let failed = failedChecks()
    let free = reserve?.freeBytes
    guard failed.isEmpty else {
      let left = free.map { " (\($0) bytes free)" } ?? ""
      throw Problem(
        .serviceUnavailable, "not ready: \(failed.joined(separator: ", "))\(left)", fields: [.retryAfter: "1"]
      )
    }
    var answer = JSONObjectWriter()
    answer.add("status", "ready")
    answer.add("checked", ["keys"] + checks.map(\.name))
    if let free { answer.add("free_bytes", free) }
    return .json(answer.finish())
  }

  /// The names of the checks that fail; all names while the first check hasn't ended, or if a check takes more than a
  /// second.
  private func failedChecks() -> [String] {
    // One request at a time runs the checks. The others don't wait for it: a store that hangs must not block their
    // threads.
    let known: [String]? = state.withLock { state in
      let now = Clock.monotonicNanoseconds
      let isRecent = now - state.since < Self.validity
      if let failed = state.failed, isRecent { return failed }
      // A check that takes more than a second hangs.
      if state.isChecking { return checks.map(\.name) }
      state.isChecking = true
      state.since = now
      return nil
    }
    if let known { return known }
    let failed = checks.filter { !passes($0.name, $0.check) }.map(\.name)
    state.withLock { $0 = State(since: Clock.monotonicNanoseconds, failed: failed) }
    return failed
  }

  private func passes(_ name: String, _ check: () throws -> Void) -> Bool {
    do {
      try check()
      return true
    } catch {
      logger.error("not ready", metadata: ["store": "\(name)", "reason": "\(error)"])
      return false
    }
  }
}
