import CGI
import POSIX
import Stores

/// Slows down guessing of passwords and of the fleet secret. A slowed attempt gets the same answer as a wrong one.
struct GuessThrottle: Sendable {
  /// How many of an account's live sessions are compared with a client's address.
  private static let maximumSessions = 256

  private let store: any ThrottleStore
  private let sessions: any SessionStore
  private let address: ClientAddress
  private let clock: Clock
  private let idleSeconds: Int

  init(_ context: RouteContext) {
    store = context.stores.throttles
    sessions = context.stores.sessions
    address = context.address
    clock = context.clock
    idleSeconds = context.settings.sessionIdleMinutes * 60
  }

  /// A password that may be checked.
  struct Attempt: Sendable {
    fileprivate let store: any ThrottleStore
    fileprivate let ticket: ThrottleTicket

    /// Whether too many other attempts have failed since this one was admitted. Many may be admitted at once, and wait
    /// for their turn. Doesn't wait for a lock, as far as possible.
    func isSlowed() throws -> Bool { try store.isDelayed(ticket.uncounted) }

    func fail() throws { try store.fail(ticket) }
    func succeed() throws { try store.succeed(ticket) }
  }

  /// Admits an attempt to sign in with a password.
  /// - Parameter account: the email that the client gave, whether or not there is such an account: otherwise the delay
  ///   would reveal it.
  /// - Returns: nil if the attempt is slowed. Refuse it as if the password was wrong.
  /// - Throws: `StoreError`.
  func admit(account: String, _ request: Request) throws -> Attempt? {
    let client = address.of(request)
    var ticket = try store.admit(
      [GuessLimits.account(account)] + (client.map(GuessLimits.address) ?? []))
    if ticket == nil, let client, try isKnown(client, to: account) {
      ticket = try store.admit([GuessLimits.known(account, at: client)])
    }
    return ticket.map { Attempt(store: store, ticket: $0) }
  }

  /// Whether somebody is signed in to the account from the client's address.
  private func isKnown(_ client: NetworkAddress, to account: String) throws -> Bool {
    let range = client.clientRanges[0].range
    var query = SessionQuery(limit: Self.maximumSessions)
    query.subject = account
    query.liveness = SessionQuery.Liveness(now: clock.seconds, idleSeconds: idleSeconds)
    return try sessions.list(query).sessions.contains { session in
      NetworkAddress(session.start.address).map(range.contains) ?? false
    }
  }

  /// Whether an attempt with the fleet secret is slowed. Refuse it as if the secret was wrong, even if it is right.
  /// - Throws: `StoreError`.
  func isFleetSlowed(_ request: Request) throws -> Bool {
    let limits = fleetLimits(request)
    return try !limits.isEmpty && store.isDelayed(limits)
  }

  /// Counts a wrong fleet secret.
  /// - Throws: `StoreError`.
  func failFleet(_ request: Request) throws {
    let limits = fleetLimits(request)
    try store.fail(ThrottleTicket(limits: limits, isCounted: limits.map { _ in false }))
  }

  private func fleetLimits(_ request: Request) -> [ThrottleLimit] {
    address.of(request).map(GuessLimits.fleet) ?? []
  }
}
