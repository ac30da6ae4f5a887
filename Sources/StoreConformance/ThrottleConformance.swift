import POSIX
import Stores

extension Conformance {
  /// Checks a ``ThrottleStore``.
  /// - Parameter make: makes an empty store with this clock and returns the function that opens it.
  /// - Throws: ``ConformanceFailure``, and what the store or `make` throws.
  public static func checkThrottles(_ make: (Clock) throws -> Opener<any ThrottleStore>) throws {
    let time = Monitor(1_700_000_000.0)
    let clock = Clock { time.withLock { $0 } }
    func pass(_ seconds: Double) { time.withLock { $0 += seconds } }

    try checkDelays(try make(clock), pass)
    try checkSuccess(try make(clock)())
    try checkKinds(try make(clock)())
    try checkClearing(try make(clock), clock)
    try checkSetClock(try make(clock)(), pass)
    try checkEndOfADelay(try make(clock), pass)
    try checkCounting(try make(clock))
    try checkFlood(try make(clock)(), pass)
    try checkSignIns(try make(clock), clock, pass)
  }

  private static func limit(_ name: String, _ kind: ThrottleSubject.Kind = .account) -> ThrottleLimit {
    ThrottleLimit(ThrottleSubject(kind, name), free: 3, interval: 60)
  }

  /// Lets attempts fail until one is delayed.
  /// - Returns: how many were admitted.
  @discardableResult
  private static func exhaust(_ store: any ThrottleStore, _ limit: ThrottleLimit) throws -> Int {
    var admitted = 0
    while let ticket = try store.admit([limit]), admitted < 100 {
      try store.fail(ticket)
      admitted += 1
    }
    return admitted
  }

  private static func checkDelays(_ open: Opener<any ThrottleStore>, _ pass: (Double) -> Void) throws {
    let limit = limit("a")
    try require(try exhaust(try open(), limit) == 3, "as many attempts as are free may fail")
    for delay in [1.0, 2, 4, 8, 16, 32] {
      pass(delay - 0.01)
      try require(try open().isDelayed([limit]), "each delay is twice as long as the one before")
      try require(try open().admit([limit]) == nil, "every process delays")
      pass(0.02)
      try require(try exhaust(try open(), limit) == 1, "after a delay one attempt is admitted")
    }
    for _ in 0..<5 {
      pass(60.01)
      try require(try exhaust(try open(), limit) == 1, "no delay is longer than the interval")
    }
    pass(60 * 25)
    try require(try open().list().isEmpty, "a failure is forgotten in each interval")
    try require(try exhaust(try open(), limit) == 3, "what is forgotten is free again")
  }

  private static func checkSuccess(_ store: any ThrottleStore) throws {
    for _ in 0..<20 {
      guard let ticket = try store.admit([limit("a")]) else {
        throw ConformanceFailure(description: "attempts that succeed aren't delayed")
      }
      try store.succeed(ticket)
    }
    let tickets = try (0..<20).compactMap { _ in try store.admit([limit("a")]) }
    try require(tickets.count == 20, "attempts at once are admitted before one has failed")
    try require(try store.list().isEmpty, "an attempt that succeeds leaves nothing")
  }

  private static func checkKinds(_ store: any ThrottleStore) throws {
    try exhaust(store, limit("a"))
    for kind in ThrottleSubject.Kind.allCases where kind != .account {
      try require(try !store.isDelayed([limit("a", kind)]), "kinds are counted apart")
    }
    try require(try !store.isDelayed([limit("A")]), "names are compared byte by byte")
    try require(
      try !store.isDelayed([limit(String(repeating: "a", count: 5000))]), "long names are no others")
    try require(
      try store.admit([limit("b"), limit("a")]) == nil && store.list().count == 1,
      "one of several limits delays, and then nothing is counted")
    let long = limit(String(repeating: "x", count: 5000) + "1")
    try exhaust(store, long)
    try require(try store.isDelayed([long]), "a name may be long")
    try require(
      try !store.isDelayed([limit(String(repeating: "x", count: 5000) + "2")]), "all of a name counts")
  }

  private static func checkClearing(_ open: Opener<any ThrottleStore>, _ clock: Clock) throws {
    try require(try open().list().isEmpty && open().clearAll() == 0, "a new store is empty")
    for name in ["a", "b", "c"] { try exhaust(try open(), limit(name)) }
    let entries = try open().list()
    try require(
      entries.count == 3
        && entries.allSatisfy { $0.failures == 3 && $0.wait == 1 && abs($0.lastFailure - clock.now) < 0.01 },
      "the list has failures, time and wait of each subject")
    try require(
      try open().clear([limit("a").subject, limit("z").subject]) == 1, "clear counts what it forgot")
    try require(try !open().isDelayed([limit("a")]), "what is cleared is free")
    try require(try open().isDelayed([limit("b")]), "what isn't cleared stays")
    try require(try open().clearAll() == 2 && open().list().isEmpty, "all can be cleared")
  }

  private static func checkSetClock(_ store: any ThrottleStore, _ pass: (Double) -> Void) throws {
    try exhaust(store, limit("a"))
    pass(-1_000_000)
    try require(try store.admit([limit("a")]) == nil, "a clock that is set back ends no delay")
    pass(1.01)
    try require(try store.admit([limit("a")]) != nil, "a clock that is set back makes no delay longer")
    pass(1_000_000)
  }

  private static func checkEndOfADelay(_ open: Opener<any ThrottleStore>, _ pass: (Double) -> Void) throws {
    let stores = [try open(), try open()]
    try exhaust(stores[0], limit("a"))
    pass(1.5)
    let tickets = try inParallel(16) { try stores[$0 % 2].admit([limit("a")]) }
    try require(tickets.count { $0 != nil } == 1, "of many attempts at the end of a delay, one is admitted")
  }

  private static func checkCounting(_ open: Opener<any ThrottleStore>) throws {
    let stores = [try open(), try open()]
    let many = ThrottleLimit(ThrottleSubject(.address, "a"), free: 1000, interval: 60)
    _ = try inParallel(8) { number in
      for _ in 0..<25 {
        if let ticket = try stores[number % 2].admit([many]) { try stores[number % 2].fail(ticket) }
      }
    }
    try require(try stores[0].list().map(\.failures) == [200], "no failure is lost when many threads write")
  }

  private static func checkSignIns(
    _ open: Opener<any ThrottleStore>, _ clock: Clock, _ pass: (Double) -> Void
  ) throws {
    func isNow(_ time: Double?) -> Bool { time.map { abs($0 - clock.now) < 0.01 } ?? false }
    let origin = ThrottleSubject(.known, "192.0.2.1 a")
    try require(try open().lastSignIn(origin) == nil, "a new store remembers no sign-in")
    try open().rememberSignIn(origin)
    try require(try isNow(open().lastSignIn(origin)), "every process remembers a sign-in")
    try require(
      try open().lastSignIn(ThrottleSubject(.known, "192.0.2.2 a")) == nil, "sign-ins are remembered apart")
    try require(try open().list().isEmpty, "a sign-in is no failure")
    for number in 0..<5000 {
      let ticket = ThrottleTicket(limits: [limit("\(number)", .known)], isCounted: [false])
      try open().fail(ticket)
    }
    _ = try (open().clear([origin]), open().clearAll())
    try require(try isNow(open().lastSignIn(origin)), "neither failures nor clearing forget a sign-in")
    for number in 0..<300 {
      pass(1)
      try open().rememberSignIn(ThrottleSubject(.known, "\(number)"))
    }
    try require(try open().lastSignIn(origin) != nil, "hundreds of sign-ins displace none")
    try open().rememberSignIn(origin)
    try require(try isNow(open().lastSignIn(origin)), "the last sign-in counts")
  }

  private static func checkFlood(_ store: any ThrottleStore, _ pass: (Double) -> Void) throws {
    try exhaust(store, limit("victim"))
    for _ in 0..<3 {
      pass(60)
      try exhaust(store, limit("victim"))
    }
    for number in 0..<20_000 {
      for kind in [ThrottleSubject.Kind.address, .account] {
        let limit = limit("\(number)", kind)
        if let ticket = try store.admit([limit]) { try store.fail(ticket) }
      }
    }
    try require(try store.isDelayed([limit("victim")]), "a flood of others doesn't end a delay")
  }
}
