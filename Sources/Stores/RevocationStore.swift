import Wire

/// The tokens that are no longer good although they haven't expired.
///
/// A store is shared by every worker, and each of its methods may be called by any number of threads and
/// processes at once.
public protocol RevocationStore: Sendable {
  /// Revokes a token for good. The second time the first entry is given back unchanged.
  /// - Parameters:
  ///   - tokenID: the token's `jti`.
  ///   - actor: who revokes it.
  /// - Returns: once every later ``isRevoked(_:)`` of any process is true, and a crash can't undo it.
  /// - Throws: ``StoreError`` where that can't be promised.
  func revoke(_ tokenID: String, reason: String, by actor: String) throws -> Revocation

  /// Whether a token was revoked, by this process or any other.
  /// - Throws: ``StoreError`` where that can't be told; the token must not pass then.
  func isRevoked(_ tokenID: String) throws -> Bool

  /// Gets ready for many look-ups; called once by a process that is to live. Does nothing by default.
  /// - Throws: ``StoreError`` where the store is damaged and the process must not start.
  func prepare() throws

  /// The revocations as they are now.
  /// - Parameter cursor: one that an earlier list gave; only what has come since is listed then. One that is
  ///   no longer understood lists everything.
  /// - Throws: ``StoreError``.
  func list(since cursor: String?) throws -> RevocationList

  /// Proves that the store could take a record now, and leaves nothing behind. By default it always can.
  /// - Throws: ``StoreError`` with the reason.
  func checkWritable() throws
}

extension RevocationStore {
  public func prepare() throws {}

  public func checkWritable() throws {}
}

/// One revocation.
public struct Revocation: Sendable, Equatable {
  /// The token's `jti`.
  public let tokenID: String
  /// Seconds since 1970, with a fraction.
  public let revokedAt: Double
  public let reason: String
  /// The `sub` of whoever revoked it.
  public let revokedBy: String

  public init(tokenID: String, revokedAt: Double, reason: String, revokedBy: String) {
    self.tokenID = tokenID
    self.revokedAt = revokedAt
    self.reason = reason
    self.revokedBy = revokedBy
  }

  /// As a JSON object of the contract, which is also how the peer stores it.
  public var json: [UInt8] {
    var object = JSONObjectWriter()
    object.add("jti", tokenID)
    object.add("revoked_at", revokedAt)
    object.add("reason", reason)
    object.add("revoked_by", revokedBy)
    return object.finish()
  }

  /// Reads such an object; nil without `jti`. What else is missing is empty, as in files edited by hand.
  init?(_ object: JSONObject) {
    guard let tokenID = object["jti"]?.string, !tokenID.isEmpty else { return nil }
    self.init(
      tokenID: tokenID, revokedAt: object["revoked_at"]?.double ?? 0,
      reason: object["reason"]?.string ?? "", revokedBy: object["revoked_by"]?.string ?? "")
  }
}

/// Revocations to be listed, which may be more than fit into memory.
public struct RevocationList: Sendable {
  /// Changes whenever the list does, and is the same in every process.
  public let version: String
  /// Where the next list begins that has only what is new.
  public let cursor: String
  private let open: @Sendable () throws -> RevocationReader

  /// - Parameter open: begins to read the list, newest first; called once for each reading.
  public init(
    version: String, cursor: String, open: @escaping @Sendable () throws -> RevocationReader
  ) {
    self.version = version
    self.cursor = cursor
    self.open = open
  }

  /// Begins to read the list, newest first.
  /// - Throws: ``StoreError``.
  public func makeReader() throws -> RevocationReader { try open() }

  /// Hands over each revocation, newest first.
  /// - Throws: what `body` throws; ``StoreError``.
  public func read(_ body: (Revocation) throws -> Void) throws {
    let reader = try makeReader()
    while let revocation = try reader.next() { try body(revocation) }
  }
}

/// Reads a list of revocations one by one, at the pace of whoever asks. Used by one thread at a time.
public final class RevocationReader {
  private let step: () throws -> Revocation?

  /// - Parameter step: gives the next revocation; nil behind the last.
  public init(_ step: @escaping () throws -> Revocation?) { self.step = step }

  /// The next revocation; nil behind the last.
  /// - Throws: ``StoreError``.
  public func next() throws -> Revocation? { try step() }
}
