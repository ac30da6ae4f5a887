import AuthServer
import CGI
import HTTPTypes
import Logging
import POSIX
import Stores
import Synchronization
import Tokens

/// Keeps challenges in memory. One process alone can use it, so it is for tests and demonstrations.
final class MemoryChallengeStore: ChallengeStore {
  private struct Entry {
    let address: String
    let expiry: Double
  }

  private let pending = Mutex<[String: Entry]>([:])
  private let clock = Clock.system

  func create(for address: String) throws -> String {
    let challenge = SecureRandom.bytes(32).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    let now = clock.now
    try pending.withLock { pending in
      pending = pending.filter { $0.value.expiry > now }
      guard pending.count < 100_000 else { throw StoreError("too many challenges", retryAfter: 60) }
      pending[challenge] = Entry(address: Self.normalized(address), expiry: now + 60)
    }
    return challenge
  }

  func consume(_ challenge: String, for address: String) -> Bool {
    let now = clock.now
    return pending.withLock { pending in
      guard let entry = pending[challenge], entry.address == Self.normalized(address) else { return false }
      pending[challenge] = nil
      return entry.expiry > now
    }
  }

  private static func normalized(_ address: String) -> String {
    let lower = address.lowercased()
    return lower.hasPrefix("0x") ? String(lower.dropFirst(2)) : lower
  }
}

// Sessions and failed logins are kept in memory too, by the files beside this one. The other two stores are
// pico-auth's own, on files in the folder that the first argument names.
let folder = CommandLine.arguments.dropFirst().first ?? "."
let logger = Logger(label: "custom-stores")
var settings = Settings()
settings.stateFolder = folder
var stores = StoreBackend.open(settings, clock: .system, logger: logger)
stores.challenges = MemoryChallengeStore()
stores.sessions = MemorySessionStore()
stores.throttles = MemoryThrottleStore(clock: .system)

let keys = try KeyFiles(path: settings.effectiveKeyPath, passphrase: nil).load()
let server = AuthService(settings: settings, keys: keys, stores: stores, logger: logger)

let answer = server.respond(
  to: Request(
    method: .post, target: "/api/v1/auth/challenge", body: Array(#"{"address":"00ff"}"#.utf8)))
print(answer.status.code, String(decoding: try answer.collectBody(), as: UTF8.self))
