import CGI
import POSIX
import Stores

/// Slows down guessing of passwords and of the fleet secret. A slowed attempt gets the same answer as a wrong one.
struct GuessThrottle: Sendable {
  private let store: any ThrottleStore
  private let address: ClientAddress
  private let clock: Clock
  /// How long an address is remembered after a sign-in: as long as the session can last. Seconds.
  private let memory: Int

  init(_ context: RouteContext) {
    store = context.stores.throttles
    address = context.address
    clock = context.clock
    memory = context.settings.sessionLimits.sessionSeconds
  }

  /// A password that may be checked.
  struct Attempt: Sendable {
    fileprivate let store: any ThrottleStore
    fileprivate let ticket: ThrottleTicket
    /// The account and the client's address; nil if the web server names no address.
    fileprivate let origin: ThrottleSubject?

    /// Whether too many other attempts have failed since this one was admitted. Many may be admitted at once, and wait
    /// for their turn. Doesn't wait for a lock, as far as possible.
    func isSlowed() throws -> Bool { try store.isDelayed(ticket.uncounted) }

    func fail() throws { try store.fail(ticket) }

    /// Takes back what was counted, and remembers the client's address.
    func succeed() throws {
      try store.succeed(ticket)
      if let origin { try store.rememberSignIn(origin) }
    }
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
    let known = client.map { GuessLimits.known(account, at: $0) }
    if ticket == nil, let known, try isRemembered(known.subject) { ticket = try store.admit([known]) }
    return ticket.map { Attempt(store: store, ticket: $0, origin: known?.subject) }
  }

  /// Whether somebody has signed in from there lately. It takes the same time for every account, whether or not there is
  /// one, so that the answer to a slowed attempt tells nothing about it.
  private func isRemembered(_ origin: ThrottleSubject) throws -> Bool {
    guard let time = try store.lastSignIn(origin) else { return false }
    // A clock that is set back makes a sign-in of the future. It isn't remembered for longer.
    return abs(clock.now - time) < Double(memory)
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
