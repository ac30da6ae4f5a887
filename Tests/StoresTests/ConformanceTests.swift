import Logging
import POSIX
import StoreConformance
import Stores
import TestSupport
import Testing

@testable import custom_stores

@Suite struct ConformanceTests {
  private let folder = TemporaryFolder()
  private let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

  @Test func challengesInFiles() throws {
    var stores = 0
    try Conformance.checkChallenges { options in
      stores += 1
      let path = folder.file("\(stores)/challenges.jsonl")
      return {
        JSONLChallengeStore(
          path: path, lifetime: options.lifetime, limit: options.limit, clock: options.clock,
          logger: logger)
      }
    }
  }

  @Test func revocationsInAFile() throws {
    var stores = 0
    try Conformance.checkRevocations {
      stores += 1
      let path = folder.file("\(stores)/revocations.jsonl")
      return { JSONLRevocationStore(path: path, clock: .system, logger: logger) }
    }
  }

  /// Rotated every few records, too.
  @Test(arguments: [64 << 20, 2000])
  func mintsInFiles(_ rotationSize: Int) throws {
    var stores = 0
    try Conformance.checkMints {
      stores += 1
      let path = folder.file("\(stores)/mints.jsonl")
      return {
        JSONLMintAuditStore(
          path: path, rotationSize: rotationSize, retentionDays: 0, clock: .system, logger: logger)
      }
    }
  }

  @Test func sessionsInFiles() throws {
    var stores = 0
    try Conformance.checkSessions { clock in
      stores += 1
      let path = folder.file("\(stores)/sessions.dat")
      return { FileSessionStore(path: path, clock: clock, logger: logger) }
    }
  }

  @Test func failedAttemptsInAFile() throws {
    var stores = 0
    try Conformance.checkThrottles { clock in
      stores += 1
      let path = folder.file("\(stores)/throttle.dat")
      return { FileThrottleStore(path: path, clock: clock, logger: logger) }
    }
  }

  @Test func failedAttemptsInTheMemoryOfTheExample() throws {
    try Conformance.checkThrottles { clock in
      let store = MemoryThrottleStore(clock: clock)
      return { store }
    }
  }

  @Test func sessionsOfTheExample() throws {
    try Conformance.checkSessions { clock in
      let store = MemorySessionStore(clock: clock)
      return { store }
    }
  }
}
