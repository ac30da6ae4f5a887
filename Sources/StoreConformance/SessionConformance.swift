import POSIX
import Stores

extension Conformance {
  /// Checks a ``SessionStore``.
  /// - Parameter make: makes an empty store with this time of day, and returns the function that opens it.
  /// - Throws: ``ConformanceFailure``, and what the store or `make` throws.
  public static func checkSessions(_ make: (Clock) throws -> Opener<any SessionStore>) throws {
    let time = Monitor(1_700_000_000.25)
    let clock = Clock { time.withLock { $0 } }
    func open() throws -> Opener<any SessionStore> { try make(clock) }
    try checkBeginning(try open())
    try checkUnknown(try open())
    try checkChanging(try open()) { seconds in time.withLock { $0 += seconds } }
    try checkTouching(try open(), clock)
    try checkEndingAll(try open()) { seconds in time.withLock { $0 += seconds } }
    try checkSessionPages(try open(), clock)
    try checkSessionFilters(try open(), clock)
    try checkParallelRotation(try open())
    try checkParallelBeginning(try open())
  }

  private static func tokenID(_ number: Int) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 32 - digits.count) + digits
  }

  private static func start(_ subject: String, cookie: Bool = false) -> SessionStart {
    SessionStart(
      subject: subject, role: "wallet", method: "Ed25519", expiresAt: 1_702_592_000,
      cookieDigest: cookie ? (0..<32).map { UInt8($0) } : nil)
  }

  private static func tokens(_ number: Int, retired: Int? = nil) -> SessionTokens {
    SessionTokens(
      generation: number, accessID: tokenID(2 * number), refreshID: tokenID(2 * number + 1),
      retiredID: retired.map(tokenID), issuedAt: 1_700_000_000, accessExpiry: 1_700_000_900,
      refreshExpiry: 1_700_604_800, retiredAt: retired == nil ? 0 : 1_700_000_000.125)
  }

  /// Begins a session and waits for it.
  private static func begin(
    _ store: any SessionStore, _ start: SessionStart, tokens: SessionTokens? = nil
  ) throws -> Session {
    let write = try store.begin(start, tokens: tokens)
    try write.waitUntilDurable()
    return write.session
  }

  private static func checkBeginning(_ open: Opener<any SessionStore>) throws {
    let full = SessionStart(
      subject: "0xé\u{0}\"", role: String(repeating: "r", count: 64),
      method: String(repeating: "m", count: 32),
      claims: [SessionClaim("chain", "eip155:1"), SessionClaim("", "x"), SessionClaim("é", "")],
      credential: [1, 2, 3, 4, 5, 6, 7, 8], expiresAt: 1_702_592_000,
      address: "2001:0db8:0000:0000:0000:ffff:192.0.2.128", userAgent: "Mozilla/5.0 é",
      cookieDigest: (0..<32).map { UInt8($0) })
    var long = start(String(repeating: "a1", count: 2048))
    long.userAgent = String(repeating: "é", count: 1000)
    let later = SessionTokens(
      generation: 70_000, accessID: tokenID(1), earlierAccessID: tokenID(2), refreshID: tokenID(3),
      retiredID: tokenID(4), issuedAt: 1_700_000_000, accessExpiry: 1_700_000_900,
      refreshExpiry: 1_700_604_800, retiredAt: 1_700_000_000.125)
    let cookieTokens = SessionTokens(
      generation: 1, accessID: tokenID(5), refreshID: nil, issuedAt: 1, accessExpiry: 2, refreshExpiry: 0)
    for (start, tokens) in [
      (full, nil), (full, later), (start("a"), tokens(1)), (start(""), cookieTokens), (long, later),
      (long, nil),
    ] {
      let session = try begin(try open(), start, tokens: tokens)
      let isID = session.id.utf8.allSatisfy {
        switch $0 {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x5f: true
        default: false
        }
      }
      try require(
        isID && (1...64).contains(session.id.utf8.count), "an identifier is up to 64 characters of base64url")
      var kept = session.start
      try require(
        start.userAgent.utf8.starts(with: kept.userAgent.utf8),
        "a store keeps the beginning of a User-Agent field")
      kept.userAgent = start.userAgent
      try require(
        kept == start && session.tokens == tokens, "a session holds what it began with: \(kept), \(start)")
      try require(
        session.createdAt == 1_700_000_000.25 && session.lastUsedAt == 1_700_000_000 && session.end == nil,
        "a session begins now")
      try require(try open().find(session.id) == session, "a session is found in every process at once")
    }
  }

  private static func checkUnknown(_ open: Opener<any SessionStore>) throws {
    func require(unknown id: String, _ text: String = "what nobody was given is no session") throws {
      try Conformance.require(try open().find(id) == nil, "\(text): \(id)")
      let change = try open().change(id) { _ in
        throw ConformanceFailure(description: "an unknown session is not changed")
      }
      try Conformance.require(change == nil, "\(text): \(id)")
      try open().touch(id, at: 1_700_000_001)
    }
    try require(unknown: String(repeating: "A", count: 32), "an empty store knows nothing")
    try Conformance.require(
      try open().list(SessionQuery(limit: 10)).sessions.isEmpty, "an empty store lists nothing")
    try Conformance.require(try open().cutoff(of: "a") == nil, "at first nobody's sessions were ended")
    let id = try begin(try open(), start("a")).id
    for other in ["", "x", id + "A", String(id.dropLast()), String(repeating: "A", count: 32), "é", " " + id]
    {
      try require(unknown: other)
    }
    for position in 0..<id.utf8.count {
      var flipped = Array(id.utf8)
      flipped[position] = flipped[position] == 0x41 ? 0x42 : 0x41
      try require(unknown: String(decoding: flipped, as: UTF8.self))
    }
  }

  private static func checkChanging(
    _ open: Opener<any SessionStore>, advance: (Double) -> Void
  ) throws {
    let first = try begin(try open(), start("a"), tokens: tokens(1))
    let other = try begin(try open(), start("a"), tokens: tokens(10))
    advance(5)
    let next = tokens(2, retired: 3)
    let issued = try open().change(first.id) { session in
      try require(session == first, "a change is decided by the session as it is")
      return .issue(next)
    }
    try issued?.waitUntilDurable()
    try require(
      issued?.session.tokens == next && issued?.session.lastUsedAt == first.lastUsedAt + 5,
      "new tokens take the place of the last ones")
    try require(try open().find(first.id) == issued?.session, "a change is seen by every process at once")
    try require(
      try open().change(first.id) { _ in .keep }?.session == issued?.session, "a decision can change nothing")
    do {
      _ = try open().change(first.id) { _ in throw UnknownCursor() }
      throw ConformanceFailure(description: "a change throws what its decision throws")
    } catch is UnknownCursor {}
    try require(try open().find(first.id) == issued?.session, "a decision that throws changes nothing")
    let ended = try open().change(first.id) { _ in .end(reason: "sign-out") }
    try ended?.waitUntilDurable()
    try require(
      ended?.session.end == SessionEnd(at: first.createdAt + 5, reason: "sign-out"), "a session can be ended")
    advance(1)
    let again = try open().change(first.id) { _ in .end(reason: "other") }
    try require(again?.session == ended?.session, "an ended session keeps its first end")
    let reason = String(repeating: "é", count: 16)
    try require(
      try open().change(other.id) { _ in .end(reason: reason + "!") }?.session.end?.reason.utf8
        .starts(with: reason.utf8) == true, "32 bytes of a reason are kept")
    try require(try open().find(first.id) == ended?.session, "an ended session stays ended")
  }

  private static func checkTouching(_ open: Opener<any SessionStore>, _ clock: Clock) throws {
    let session = try begin(try open(), start("a", cookie: true))
    try open().touch(session.id, at: clock.seconds + 1000)
    let used = try open().find(session.id)
    try require(
      used.map { abs($0.lastUsedAt - clock.seconds - 1000) <= 60 } == true, "the use of a session is noted")
    _ = try open().change(session.id) { _ in .end(reason: "x") }
    try open().touch(session.id, at: clock.seconds + 2000)
    try require(try open().find(session.id)?.end?.reason == "x", "a session that is used stays ended")
  }

  private static func checkEndingAll(
    _ open: Opener<any SessionStore>, advance: (Double) -> Void
  ) throws {
    let long = String(repeating: "b", count: 3904)
    for subject in ["a", long] {
      let first = try begin(try open(), start(subject))
      let ended = try begin(try open(), start(subject))
      _ = try open().change(ended.id) { _ in .end(reason: "sign-out") }
      let last = try begin(try open(), start(subject))
      let other = try begin(try open(), start(subject + "x"))
      advance(1)
      let end = try open().endAll(of: subject, reason: "lost phone")
      try require(end.sessions == 2, "live sessions are counted: \(end.sessions)")
      try require(try open().cutoff(of: subject) == end.at, "an end of all is seen by every process at once")
      try require(try open().cutoff(of: subject + "y") == nil, "an end of all is its subject's only")
      for session in [first, last] {
        try require(
          try open().find(session.id)?.end == SessionEnd(at: end.at, reason: "lost phone"),
          "an end of all ends each session")
        try require(
          try open().change(session.id) { _ in .keep }?.session.end != nil, "an end of all ends each session")
      }
      try require(
        try open().find(ended.id)?.end?.reason == "sign-out", "an ended session keeps its first end")
      try require(try open().find(other.id)?.end == nil, "an end of all is its subject's only")

      let next = try begin(try open(), start(subject))
      try require(
        next.end == nil && next.createdAt > end.at, "a session after the end of all begins later")
      try require(try open().find(next.id) == next, "a session after the end of all is live")
      advance(-100)
      let early = try begin(try open(), start(subject))
      try require(
        early.createdAt > end.at, "a session after the end of all begins later, whatever the clock says")
      let second = try open().endAll(of: subject, reason: "again")
      try require(
        second.sessions == 2 && second.at >= next.createdAt && second.at >= early.createdAt,
        "an end of all ends sessions of a clock that was ahead")
      for session in [next, early] {
        try require(try open().find(session.id)?.end?.at == second.at, "sessions can be ended again")
      }
      try require(
        try open().endAll(of: subject, reason: "").sessions == 0, "nothing is left to end")
      advance(99)
    }
    try require(
      try open().endAll(of: "nobody", reason: "").sessions == 0, "somebody without sessions can be ended")
    try require(try open().cutoff(of: "nobody") != nil, "somebody without sessions can be ended")
  }

  /// All pages of a query, and how many they are.
  private static func pages(
    _ open: Opener<any SessionStore>, _ query: SessionQuery
  ) throws -> (ids: [String], count: Int) {
    var (query, ids, count) = (query, [String](), 0)
    repeat {
      let page = try open().list(query)
      try require(page.sessions.count <= query.limit, "a page has no more sessions than asked for")
      ids += page.sessions.map(\.id)
      query.before = page.cursor
      count += 1
    } while query.before != nil && count < 10_000
    return (ids, count)
  }

  private static func checkSessionPages(_ open: Opener<any SessionStore>, _ clock: Clock) throws {
    var all: [(id: String, subject: String)] = []
    for number in 0..<100 {
      let subject = ["a", "b", String(repeating: "c", count: 3904)][number * number % 3]
      all.insert((try begin(try open(), start(subject)).id, subject), at: 0)
    }
    try require(
      try open().list(SessionQuery(limit: 100)).sessions.map(\.id) == all.map(\.id), "the newest comes first")
    try require(try open().list(SessionQuery(limit: 100)).cursor == nil, "the last page has no cursor")
    for (limit, lines) in [(1000, Int.max), (30, .max), (1000, 1), (1000, 7), (3, 10), (1, 1)] {
      for subject in [nil, "a", "b", "none"] {
        var query = SessionQuery(limit: limit)
        query.subject = subject
        query.budget = ScanBudget(lines: lines, nanoseconds: .max)
        let expected = all.filter { entry in subject.map { $0 == entry.subject } ?? true }.map(\.id)
        try require(
          try pages(open, query).ids == expected, "pages follow each other without gap or overlap")
      }
    }
    var query = SessionQuery(limit: 1000)
    query.liveness = SessionQuery.Liveness(now: 1_702_592_000, idleSeconds: 3600)
    query.budget = ScanBudget(lines: 0, nanoseconds: 0)
    let (ids, count) = try pages(open, query)
    try require(
      ids.isEmpty && count < 1000, "a list makes progress with the smallest budget, even if nothing matches")

    query = SessionQuery(limit: 10)
    let cursor = try open().list(query).cursor
    _ = try begin(try open(), start("a"))
    query.before = cursor
    try require(
      try open().list(query).sessions.map(\.id) == all[10..<20].map(\.id),
      "a session that begins between two pages moves no other")
    for made in ["", "x", "nonsense", String(repeating: "A", count: 32)] {
      query.before = made
      do {
        _ = try open().list(query)
        throw ConformanceFailure(description: "a made-up cursor is refused: \(made)")
      } catch is UnknownCursor {}
    }
  }

  private static func checkSessionFilters(_ open: Opener<any SessionStore>, _ clock: Clock) throws {
    for subject in ["a", "A", "a", "\u{212a}", "K"] { _ = try begin(try open(), start(subject)) }
    let cookie = try begin(try open(), start("a", cookie: true))
    let ended = try begin(try open(), start("a"))
    _ = try open().change(ended.id) { _ in .end(reason: "") }
    func count(_ subject: String?, liveAt now: Int? = nil) throws -> Int {
      var query = SessionQuery(limit: 100)
      query.subject = subject
      query.liveness = now.map { SessionQuery.Liveness(now: $0, idleSeconds: 3600) }
      return try open().list(query).sessions.count
    }
    try require(try count("a") == 4 && count("A") == 1, "subjects are compared as bytes")
    try require(try count("K") == 1, "subjects are compared as bytes")
    let now = clock.seconds
    try require(try count(nil, liveAt: now) == 6, "ended sessions can be left out")
    try require(try count("a", liveAt: now) == 3, "filters are combined")
    try require(try count("a", liveAt: now + 3600) == 2, "a cookie's session can be idle too long")
    try require(try count(nil, liveAt: cookie.start.expiresAt) == 0, "a session has an absolute end")
    _ = try open().endAll(of: "a", reason: "")
    try require(try count(nil, liveAt: now) == 3, "an end of all shows in lists")
    try require(try count("a") == 4, "ended sessions are listed")
  }

  private static func checkParallelRotation(_ open: Opener<any SessionStore>) throws {
    let stores = [try open(), try open()]
    let id = try begin(stores[0], start("a"), tokens: tokens(1)).id
    for round in 1...20 {
      let wins = try inParallel(32) { number -> Bool in
        var isMine = false
        let write = try stores[number % 2].change(id) { session in
          guard session.tokens?.generation == round else { return .keep }
          isMine = true
          return .issue(tokens(round + 1, retired: 2 * round + 1))
        }
        try write?.waitUntilDurable()
        try require(write?.session.tokens?.generation == round + 1, "everybody gets the winner's tokens")
        return isMine
      }
      try require(wins.count { $0 } == 1, "of many concurrent changes exactly one wins")
    }
  }

  private static func checkParallelBeginning(_ open: Opener<any SessionStore>) throws {
    let stores = [try open(), try open()]
    let begun = try inParallel(8) { number in
      try (0..<25).map { try begin(stores[number % 2], start("s\($0 % 5)")).id }
    }.flatMap { $0 }
    try require(Set(begun).count == 200, "no two sessions have one identifier")
    for id in begun {
      try require(try open().find(id) != nil, "no session is lost when many threads begin some")
    }
    try require(Set(try pages(open, SessionQuery(limit: 30)).ids) == Set(begun), "all are listed")
    for number in 0..<5 {
      var query = SessionQuery(limit: 30)
      query.subject = "s\(number)"
      try require(try pages(open, query).ids.count == 40, "all of a subject are listed")
      try require(try open().endAll(of: "s\(number)", reason: "").sessions == 40, "all are counted")
    }
  }
}
