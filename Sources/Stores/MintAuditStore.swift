import Wire

/// The record of the tokens that were issued.
///
/// All workers share a store. Any number of threads and processes may call each method at once.
public protocol MintAuditStore: Sendable {
  /// Records tokens, all of them or none, and returns once the record is durable.
  /// - Throws: ``StoreError``.
  func append(_ mints: [Mint]) throws

  /// Starts to record tokens, all of them or none. The caller can do other work until the record is on the
  /// disk. The default implementation calls ``append(_:)`` and returns a function that does nothing.
  /// - Returns: a function that waits until the record is durable and throws ``StoreError`` if it isn't. Call
  ///   it before you hand out the tokens.
  /// - Throws: ``StoreError``.
  func begin(_ mints: [Mint]) throws -> () throws -> Void

  /// Lists the recorded mints, newest first.
  ///
  /// ``MintQuery/budget`` is a hint. A store may stop when the budget is used up and return fewer mints than
  /// the limit, or none, with a cursor to go on from. A store that always answers quickly may ignore the
  /// budget.
  /// - Throws: ``StoreError``. ``UnknownCursor`` if ``MintQuery/before`` is not a cursor of this list.
  func list(_ query: MintQuery) throws -> MintPage

  /// Looks up a token, without a long search. The default implementation returns nil.
  /// - Returns: the mint, or nil if the store finds no record of the token.
  /// - Throws: ``StoreError``.
  func mint(ofTokenID tokenID: String) throws -> Mint?

  /// Checks that the store can write a record now, and leaves nothing behind. The default implementation does
  /// nothing.
  /// - Throws: ``StoreError`` with the reason.
  func checkWritable() throws
}

extension MintAuditStore {
  public func begin(_ mints: [Mint]) throws -> () throws -> Void {
    try append(mints)
    return {}
  }

  public func mint(ofTokenID tokenID: String) throws -> Mint? { nil }

  public func checkWritable() throws {}
}

/// A token that was issued.
public struct Mint: Sendable, Equatable {
  /// The kind of an issued token.
  public enum Kind: String, Sendable {
    case access, refresh
    /// A fleet session's token.
    case sign
  }

  /// `jti`.
  public let tokenID: String
  /// `sub`.
  public let subject: String
  /// `role`.
  public let role: String
  /// `iat`. Seconds since 1970.
  public let issuedAt: Int
  /// `exp`. Seconds since 1970.
  public let expiry: Int
  /// `access`, `refresh` or `sign`. In a file that pico-server-auth wrote, it can be any text.
  public let kind: String
  /// `scope`; empty if the token has none.
  public let scope: String
  /// `agent_id`; empty if the token has none.
  public let agentID: String
  /// `session_id`; empty if the token has none.
  public let sessionID: String
  /// `sid`, the session that issued the token; empty if none did.
  public let session: String

  public init(
    tokenID: String, subject: String, role: String, issuedAt: Int, expiry: Int, kind: Kind,
    scope: String = "", agentID: String = "", sessionID: String = "", session: String = ""
  ) {
    self.tokenID = tokenID
    self.subject = subject
    self.role = role
    self.issuedAt = issuedAt
    self.expiry = expiry
    self.kind = kind.rawValue
    self.scope = scope
    self.agentID = agentID
    self.sessionID = sessionID
    self.session = session
  }

  /// ``expiry``, or nil if the record doesn't tell.
  public var knownExpiry: Int? { expiry > 0 ? expiry : nil }

  /// The mint as a JSON object with the members that the HTTP contract lists. pico-server-auth stores the
  /// same object.
  public var members: JSONObjectWriter {
    var object = JSONObjectWriter()
    object.add("jti", tokenID)
    object.add("sub", subject)
    object.add("role", role)
    object.add("iat", issuedAt)
    object.add("exp", expiry)
    object.add("kind", kind)
    object.add("scope", scope)
    object.add("agent_id", agentID)
    object.add("session_id", sessionID)
    if !session.isEmpty { object.add("sid", session) }
    return object
  }

  /// Reads the object that ``members`` writes. Returns nil if `jti` is missing. Other missing texts are
  /// empty, and missing times are 0.
  init?(_ object: JSONObject) {
    func text(_ name: String) -> String { object[name]?.string ?? "" }
    guard let tokenID = object["jti"]?.string, !tokenID.isEmpty else { return nil }
    self.tokenID = tokenID
    subject = text("sub")
    role = text("role")
    issuedAt = object["iat"]?.wholeSeconds ?? 0
    expiry = object["exp"]?.wholeSeconds ?? 0
    kind = text("kind")
    scope = text("scope")
    agentID = text("agent_id")
    sessionID = text("session_id")
    session = text("sid")
  }
}

/// The mints that a caller wants.
public struct MintQuery: Sendable {
  /// The maximum number of mints on a page.
  public var limit: Int
  /// The cursor of an earlier page. The list goes on with the mints that are older than that page.
  public var before: String?
  /// `sub`, compared byte by byte; nil matches any.
  public var subject: String?
  /// `role`, compared byte by byte; nil matches any.
  public var role: String?
  /// `session_id`, compared byte by byte; nil matches any.
  public var sessionID: String?
  /// `sid`, compared byte by byte; nil matches any.
  public var session: String?
  /// Matches only tokens with a later `exp`. Seconds since 1970; nil matches any.
  public var expiringAfter: Int?
  /// How much the store looks at before it returns what it has. The default is unlimited.
  public var budget = ScanBudget.unlimited
  /// `jti`, compared byte by byte; nil matches any.
  var tokenID: String?

  public init(limit: Int) {
    self.limit = limit
  }

  /// Whether a mint matches the filters.
  public func includes(_ mint: Mint) -> Bool {
    func matches(_ wanted: String?, _ value: String) -> Bool {
      wanted.map { $0.hasSameBytes(as: value) } ?? true
    }
    return matches(tokenID, mint.tokenID) && matches(subject, mint.subject) && matches(role, mint.role)
      && matches(sessionID, mint.sessionID) && matches(session, mint.session)
      && (expiringAfter.map { mint.expiry > $0 } ?? true)
  }
}

/// A page of the mints that a caller wants.
public struct MintPage: Sendable {
  /// Newest first.
  public let mints: [Mint]
  /// Where the next page begins, or nil if this is the last page. A page that has a cursor may hold fewer
  /// mints than the limit, or none: the store has looked that far.
  public let cursor: String?

  public init(mints: [Mint], cursor: String?) {
    self.mints = mints
    self.cursor = cursor
  }
}

extension JSONValue {
  /// The value as a whole number of seconds, rounded up. Nil if it isn't a number or is out of range.
  var wholeSeconds: Int? { integer ?? double.flatMap { Int(exactly: $0.rounded(.up)) } }
}
