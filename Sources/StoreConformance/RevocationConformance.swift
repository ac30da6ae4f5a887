import Stores

extension Conformance {
  /// Checks a ``RevocationStore``.
  /// - Parameter make: makes an empty store and returns the function that opens it.
  /// - Throws: ``ConformanceFailure``, and what the store or `make` throws.
  public static func checkRevocations(_ make: () throws -> Opener<any RevocationStore>) throws {
    try checkRevoking(try make())
    try checkListing(try make())
    try checkRevokingMany(try make())
    try checkParallelRevoking(try make())
  }

  private static func checkRevoking(_ open: Opener<any RevocationStore>) throws {
    let (mine, other) = (try open(), try open())
    let kelvin = "\u{212a}"
    let dated = try mine.revoke("dated", reason: "", by: "op", expiry: 4_000_000_000)
    try require(
      try other.revoke("dated", reason: "", by: "op", expiry: 1) == dated,
      "the first expiry of a token is kept")
    try require(
      String(decoding: dated.json, as: UTF8.self).contains("exp") == false,
      "a revocation's JSON has the members of the contract")
    for tokenID in ["0123456789abcdef0123456789abcdef", "any text", "q\"\\\u{1}é", "K"] {
      try require(try !other.isRevoked(tokenID), "nothing is revoked at first")
      let first = try mine.revoke(tokenID, reason: "r\n", by: "op")
      try require(
        first.tokenID == tokenID && first.reason == "r\n" && first.revokedBy == "op",
        "a revocation holds what the caller gave")
      try require(try other.isRevoked(tokenID), "a revocation holds in every process at once")
      try require(try open().isRevoked(tokenID), "a revocation holds in a process that starts later")
      let again = try other.revoke(tokenID, reason: "other", by: "somebody")
      try require(again == first, "a second revocation returns the first entry")
    }
    try require(try !mine.isRevoked(kelvin), "identifiers are compared as bytes")
    try require(
      try !mine.isRevoked("0123456789ABCDEF0123456789ABCDEF"), "identifiers are compared as bytes")
  }

  private static func checkListing(_ open: Opener<any RevocationStore>) throws {
    let store = try open()
    func tokenIDs(_ list: RevocationList) throws -> [String] {
      var all: [String] = []
      let reader = try list.makeReader()
      while let revocation = try reader.next() { all.append(revocation.tokenID) }
      return all
    }
    try require(try tokenIDs(store.list(since: nil)).isEmpty, "an empty store lists nothing")
    for number in 0..<300 { _ = try store.revoke("t\(number)", reason: "", by: "") }
    let all = try open().list(since: nil)
    try require(try tokenIDs(all) == (0..<300).reversed().map { "t\($0)" }, "the newest comes first")
    try require(
      try store.list(since: nil).version == all.version, "a list's version is the same everywhere")
    try require(
      try tokenIDs(store.list(since: all.cursor)).isEmpty, "since the last list nothing is new")
    _ = try store.revoke("new", reason: "", by: "")
    // A list doesn't change after it was made. What is revoked while it is read is part of the next list.
    let (reader, other) = (try all.makeReader(), try all.makeReader())
    try require(try reader.next()?.tokenID == "t299", "a list is read one at a time")
    _ = try open().revoke("newer", reason: "", by: "")
    try require(try reader.next()?.tokenID == "t298", "a list doesn't change while it is read")
    try require(try other.next()?.tokenID == "t299", "two readers of a list are independent")
    let newer = try open().list(since: all.cursor)
    try require(try tokenIDs(newer) == ["newer", "new"], "since the last list two are new")
    try require(newer.version != all.version, "the version changes with the list")
    for cursor in ["", "x", "ffffffff.ffffffff", "-1.-1", String(repeating: "f", count: 100)] {
      try require(
        try tokenIDs(store.list(since: cursor)).count == 302, "an unknown cursor lists everything")
    }
  }

  private static func checkRevokingMany(_ open: Opener<any RevocationStore>) throws {
    let store = try open()
    let first = try store.revoke("t5", reason: "first", by: "a", expiry: 4_000_000_000)
    let tokens = (0..<1000).map { (tokenID: "t\($0 % 600)", expiry: Int?.some(4_000_000_000 + $0)) }
    try store.revoke(tokens, reason: "all", by: "b")
    try store.revoke(tokens, reason: "again", by: "c")
    try store.revoke([], reason: "none", by: "d")
    for tokenID in ["t0", "t5", "t599"] {
      try require(try open().isRevoked(tokenID), "several tokens are revoked in every process at once")
    }
    try require(try !open().isRevoked("t600"), "no other token is revoked")
    var listed: [String: Revocation] = [:]
    let reader = try open().list(since: nil).makeReader()
    while let revocation = try reader.next() {
      try require(
        listed.updateValue(revocation, forKey: revocation.tokenID) == nil, "a token is listed once")
    }
    try require(listed.count == 600, "all are listed")
    try require(
      listed["t5"]?.reason == first.reason && listed["t6"]?.reason == "all",
      "the first entry of a token is kept")
  }

  private static func checkParallelRevoking(_ open: Opener<any RevocationStore>) throws {
    let stores = [try open(), try open()]
    // Two threads revoke each token. The token gets one entry, and both threads get that entry.
    let entries = try inParallel(8) { number in
      try (0..<25).map {
        try stores[number % 2].revoke("t\(number / 2).\($0)", reason: "\(number)", by: "")
      }
    }.flatMap { $0 }
    let reasons = Dictionary(grouping: entries, by: \.tokenID).mapValues { Set($0.map(\.reason)) }
    try require(reasons.count == 100, "no revocation is lost when many threads revoke")
    try require(reasons.values.allSatisfy { $0.count == 1 }, "a token has one entry")
    var listed = 0
    let reader = try open().list(since: nil).makeReader()
    while try reader.next() != nil { listed += 1 }
    try require(listed == 100, "a token is listed once")
  }
}
