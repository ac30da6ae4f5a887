import CGI
import HTTPTypes
import Logging
import POSIX
import Stores
import Synchronization
import Wire

/// `GET /health`: the process answers. `GET /health/ready`: and it could do its work now.
final class HealthRoutes: Sendable {
  /// A check writes to the disk, so anybody's requests share one for so long. Nanoseconds.
  private static let validity: UInt64 = 1_000_000_000

  private let checks: [(name: String, check: @Sendable () throws -> Void)]
  private let reserve: SpaceReserve?
  private let logger: Logger
  private let state = Mutex(State())

  private struct State {
    /// When the last check ended, or the present one began.
    var since: UInt64 = 0
    /// What failed at the last check; nil before the first.
    var failed: [String]?
    var isChecking = false
  }

  /// - Parameters:
  ///   - stores: what must take records for the server to be of use. Keys are loaded, or there is no server.
  ///   - isAuditRequired: whether tokens aren't issued without a record.
  init(stores: AuthServer.Stores, isAuditRequired: Bool, logger: Logger) {
    var checks: [(name: String, check: @Sendable () throws -> Void)] = [
      ("challenges", { try stores.challenges.checkWritable() }),
      ("revocations", { try stores.revocations.checkWritable() }),
    ]
    if isAuditRequired { checks.append(("mints", { try stores.mints.checkWritable() })) }
    reserve = stores.reserve
    if let reserve, reserve.size > 0 { checks.append(("free space", { try reserve.require() })) }
    self.checks = checks
    self.logger = logger
  }

  @Sendable func live(_ request: Request) -> Response {
    var answer = JSONObjectWriter()
    answer.add("status", "ok")
    return .json(answer.finish())
  }

  @Sendable func ready(_ request: Request) throws(Problem) -> Response {
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

  /// The stores that can't take records; all of them while the first check hasn't ended.
  private func failedChecks() -> [String] {
    // One request at a time checks. The others don't wait for it: a store that hangs must not hold their threads.
    let known: [String]? = state.withLock { state in
      let now = Clock.monotonicNanoseconds
      let isRecent = now - state.since < Self.validity
      if let failed = state.failed, isRecent { return failed }
      // A check that takes longer hangs.
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
