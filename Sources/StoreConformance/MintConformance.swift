import Stores

extension Conformance {
  /// Checks a ``MintAuditStore``.
  /// - Parameter make: makes an empty store and returns the function that opens it.
  /// - Throws: ``ConformanceFailure``, and what the store or `make` throws.
  public static func checkMints(_ make: () throws -> Opener<any MintAuditStore>) throws {
    try checkOrderAndPages(try make())
    try checkFilters(try make()())
    try checkBudget(try make())
    try checkParallelAppending(try make())
  }

  private static func mint(
    _ number: Int, subject: String = "s", role: String = "r", session: String = "", sid: String = ""
  ) -> Mint {
    Mint(
      tokenID: "t\(number)", subject: subject, role: role, issuedAt: number, expiry: number + 100,
      kind: .access, scope: "a \"b\"", agentID: "é", sessionID: session, session: sid)
  }

  private static func checkOrderAndPages(_ open: Opener<any MintAuditStore>) throws {
    let store = try open()
    try require(try store.list(MintQuery(limit: 10)).mints.isEmpty, "an empty store lists nothing")
    for number in 0..<50 { try store.append([mint(number * 2), mint(number * 2 + 1)]) }
    let other = try open()
    let all = try other.list(MintQuery(limit: 1000))
    try require(all.mints == (0..<100).reversed().map { mint($0) }, "the newest comes first")
    try require(all.cursor == nil, "the last page has no cursor")

    var query = MintQuery(limit: 30)
    var paged: [Mint] = []
    var pages = 0
    repeat {
      let page = try other.list(query)
      paged += page.mints
      query.before = page.cursor
      pages += 1
      // A mint that is appended between two pages doesn't move older mints.
      try store.append([mint(1000 + pages)])
    } while query.before != nil && pages < 10
    try require(paged == all.mints && pages == 4, "pages follow each other without gap or overlap")
    query.before = "nonsense"
    do {
      try require(try store.list(query).mints.isEmpty, "an unknown cursor lists nothing")
    } catch is UnknownCursor {}
  }

  /// A store may stop when the budget is used up, or ignore the budget. A caller that follows the cursors
  /// sees every mint once.
  private static func checkBudget(_ open: Opener<any MintAuditStore>) throws {
    let store = try open()
    for number in 0..<100 { try store.append([mint(number, session: "x\(number % 25)")]) }
    for (limit, lines) in [(1000, 1), (1000, 7), (3, 10), (1, 1)] {
      for session in [nil, "x7", "none"] {
        var query = MintQuery(limit: limit)
        query.sessionID = session
        let expected = (0..<100).reversed().filter { session == nil ? true : session == "x\($0 % 25)" }
        query.budget = ScanBudget(lines: lines, nanoseconds: .max)
        var listed: [String] = []
        var pages = 0
        repeat {
          let page = try open().list(query)
          try require(page.mints.count <= limit, "a page has no more mints than asked for")
          listed += page.mints.map(\.tokenID)
          query.before = page.cursor
          pages += 1
        } while query.before != nil && pages < 1000
        try require(
          listed == expected.map { "t\($0)" }, "a list in small steps is complete: \(listed), \(expected)")
      }
    }
    var query = MintQuery(limit: 10)
    query.budget = ScanBudget(lines: 0, nanoseconds: 0)
    var calls = 0
    repeat {
      query.before = try store.list(query).cursor
      calls += 1
    } while query.before != nil && calls < 1000
    try require(calls < 1000, "a list makes progress with the smallest budget")
  }

  private static func checkFilters(_ store: any MintAuditStore) throws {
    try store.append(
      (0..<20).map {
        mint($0, subject: "s\($0 % 2)", role: "r\($0 % 4)", session: "x\($0 % 5)", sid: "y\($0 % 10)")
      })
    func count(_ change: (inout MintQuery) -> Void) throws -> Int {
      var query = MintQuery(limit: 100)
      change(&query)
      return try store.list(query).mints.count
    }
    try require(try count { $0.subject = "s1" } == 10, "mints are found by subject")
    try require(try count { $0.role = "r3" } == 5, "mints are found by role")
    try require(try count { $0.sessionID = "x2" } == 4, "mints are found by session")
    try require(try count { $0.session = "y7" } == 2, "mints are found by the session that issued them")
    try require(try count { $0.expiringAfter = 109 } == 10, "mints are found by expiry")
    try require(
      try count {
        $0.subject = "s1"
        $0.sessionID = "x1"
      } == 2, "filters are combined")
    try require(try count { $0.subject = "S1" } == 0, "texts are compared as bytes")
  }

  private static func checkParallelAppending(_ open: Opener<any MintAuditStore>) throws {
    let stores = [try open(), try open()]
    _ = try inParallel(8) { number in
      for index in 0..<25 { try stores[number % 2].append([mint(number * 100 + index)]) }
    }
    let all = try open().list(MintQuery(limit: 1000)).mints
    try require(
      Set(all.map(\.tokenID)).count == 200 && all.count == 200, "no mint is lost when many threads append")
  }
}
