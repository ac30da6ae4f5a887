import Wire

/// The record of tokens that were issued.
///
/// A store is shared by every worker, and each of its methods may be called by any number of threads and
/// processes at once.
public protocol MintAuditStore: Sendable {
  /// Records tokens, all of them or none.
  /// - Returns: once a crash can't undo it.
  /// - Throws: ``StoreError``.
  func append(_ mints: [Mint]) throws

  /// Records tokens as ``append(_:)`` does, for callers with something to do until the record is on the disk. By default
  /// it is there at once.
  /// - Returns: what waits until a crash can't undo it, and throws ``StoreError`` where one could; to be called before
  ///   anybody gets the tokens.
  /// - Throws: ``StoreError``.
  func begin(_ mints: [Mint]) throws -> () throws -> Void

  /// What was recorded, newest first.
  ///
  /// ``MintQuery/budget`` is a hint: a store may stop when it is used up, and answer fewer mints than the limit, or none,
  /// with a cursor to go on from. A store that answers quickly anyway may ignore it.
  /// - Throws: ``StoreError``; ``UnknownCursor`` where ``MintQuery/before`` is no cursor of this list.
  func list(_ query: MintQuery) throws -> MintPage

  /// When a token expires, as far as its record tells without a long search. By default it doesn't.
  /// - Returns: seconds since 1970; nil where nothing tells.
  /// - Throws: ``StoreError``.
  func expiry(ofTokenID tokenID: String) throws -> Int?

  /// Proves that the store could take a record now, and leaves nothing behind. By default it always can.
  /// - Throws: ``StoreError`` with the reason.
  func checkWritable() throws
}

extension MintAuditStore {
  public func begin(_ mints: [Mint]) throws -> () throws -> Void {
    try append(mints)
    return {}
  }

  public func expiry(ofTokenID tokenID: String) throws -> Int? { nil }

  public func checkWritable() throws {}
}

/// A token that was issued.
public struct Mint: Sendable, Equatable {
  /// What a token was issued as.
  public enum Kind: String, Sendable {
    case access, refresh
    /// A fleet session.
    case sign
  }

  /// `jti`.
  public let tokenID: String
  /// `sub`.
  public let subject: String
  public let role: String
  /// `iat` and `exp`, seconds since 1970.
  public let issuedAt: Int
  public let expiry: Int
  /// `access`, `refresh` or `sign`; as it stands in files of the peer's.
  public let kind: String
  /// Empty where the token has none, as are the two below.
  public let scope: String
  public let agentID: String
  public let sessionID: String

  public init(
    tokenID: String, subject: String, role: String, issuedAt: Int, expiry: Int, kind: Kind,
    scope: String = "", agentID: String = "", sessionID: String = ""
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
  }

  /// The members of the contract's JSON object, which is also how the peer stores it.
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
    return object
  }

  /// Reads such an object; nil without `jti`. What else is missing is empty.
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
  }
}

/// Which mints to list.
public struct MintQuery: Sendable {
  /// How many at the most.
  public var limit: Int
  /// The cursor of an earlier page: what is older than that page.
  public var before: String?
  /// Compared byte by byte; nil is any.
  public var subject: String?
  public var role: String?
  public var sessionID: String?
  /// Only tokens that expire later. Seconds since 1970.
  public var expiringAfter: Int?
  /// How much to look at before the store answers with what it has; by default everything.
  public var budget = ScanBudget.unlimited
  /// The one token with this `jti`.
  var tokenID: String?

  public init(limit: Int) {
    self.limit = limit
  }

  /// Whether a mint is one of those asked for.
  public func includes(_ mint: Mint) -> Bool {
    func matches(_ wanted: String?, _ value: String) -> Bool {
      wanted.map { $0.hasSameBytes(as: value) } ?? true
    }
    return matches(tokenID, mint.tokenID) && matches(subject, mint.subject) && matches(role, mint.role)
      && matches(sessionID, mint.sessionID) && (expiringAfter.map { mint.expiry > $0 } ?? true)
  }
}

/// Some of the mints asked for.
public struct MintPage: Sendable {
  /// Newest first.
  public let mints: [Mint]
  /// Where the next page begins; nil where this is the last. With fewer mints than the limit it means: looked that far,
  /// go on here. The next page may be empty.
  public let cursor: String?

  public init(mints: [Mint], cursor: String?) {
    self.mints = mints
    self.cursor = cursor
  }
}

extension JSONValue {
  /// A time as a whole number of seconds, rounded up; nil where it is no number, or none that fits.
  var wholeSeconds: Int? { integer ?? double.flatMap { Int(exactly: $0.rounded(.up)) } }
}
