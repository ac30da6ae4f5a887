import CGI
import HTTPTypes
import Logging
import POSIX
import Synchronization
import Wire

/// `GET /health`: the process answers. `GET /health/ready`: and it could do its work now.
final class HealthRoutes: Sendable {
  /// A check writes to the disk, so anybody's requests share one for so long. Nanoseconds.
  private static let validity: UInt64 = 1_000_000_000

  private let checks: [(name: String, check: @Sendable () throws -> Void)]
  private let logger: Logger
  private let last = Mutex<(time: UInt64, failed: [String])?>(nil)

  /// - Parameters:
  ///   - stores: what must take records for the server to be of use. Keys are loaded, or there is no server.
  ///   - isAuditRequired: whether tokens aren't issued without a record.
  init(stores: AuthServer.Stores, isAuditRequired: Bool, logger: Logger) {
    var checks: [(name: String, check: @Sendable () throws -> Void)] = [
      ("challenges", { try stores.challenges.checkWritable() }),
      ("revocations", { try stores.revocations.checkWritable() }),
    ]
    if isAuditRequired { checks.append(("mints", { try stores.mints.checkWritable() })) }
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
    guard failed.isEmpty else {
      throw Problem(
        .serviceUnavailable, "not ready: \(failed.joined(separator: ", "))", fields: [.retryAfter: "1"])
    }
    var answer = JSONObjectWriter()
    answer.add("status", "ready")
    answer.add("checked", ["keys"] + checks.map(\.name))
    return .json(answer.finish())
  }

  private func failedChecks() -> [String] {
    // Whoever comes meanwhile waits for this check rather than making another.
    last.withLock { last in
      let now = Clock.monotonicNanoseconds
      if let last, now - last.time < Self.validity { return last.failed }
      let failed = checks.filter { !passes($0.name, $0.check) }.map(\.name)
      last = (Clock.monotonicNanoseconds, failed)
      return failed
    }
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
