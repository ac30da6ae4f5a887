import Stores

/// Records tokens in the mint audit before a client gets them.
public struct MintRecorder: Sendable {
  private let audit: any MintAuditStore
  private let minimumLifetime: Int
  private let isRequired: Bool
  private let report: @Sendable (any Error) -> Void

  /// - Parameters:
  ///   - audit: the mint audit.
  ///   - minimumLifetime: tokens with a shorter lifetime aren't recorded, except those of fleet sessions. Seconds.
  ///   - isRequired: whether a token that can't be recorded must not be issued.
  ///   - report: gets a failure to record a token that is issued all the same.
  public init(
    audit: any MintAuditStore, minimumLifetime: Int, isRequired: Bool,
    report: @escaping @Sendable (any Error) -> Void
  ) {
    self.audit = audit
    self.minimumLifetime = minimumLifetime
    self.isRequired = isRequired
    self.report = report
  }

  /// Starts to record tokens.
  /// - Returns: what ``wait(_:)`` takes; nil if there is nothing to wait for.
  /// - Throws: ``StoreError`` if the tokens can't be recorded and must be.
  public func begin(_ mints: [Mint]) throws -> (() throws -> Void)? {
    // The mint audit is the only trace of a fleet session. So it is recorded even if its lifetime is short.
    let recorded = mints.filter {
      $0.kind == Mint.Kind.sign.rawValue || $0.expiry - $0.issuedAt >= minimumLifetime
    }
    return recorded.isEmpty ? nil : try attempting { try audit.begin(recorded) }
  }

  /// Waits until the record is durable.
  /// - Throws: ``StoreError`` if it isn't, and must be.
  public func wait(_ record: (() throws -> Void)?) throws {
    if let record { _ = try attempting { try record() } }
  }

  /// Whether the audit has a record of a token.
  /// - Throws: ``StoreError`` if the audit can't tell, and tokens must be recorded.
  func isRecorded(_ tokenID: String) throws -> Bool {
    try attempting { try audit.mint(ofTokenID: tokenID) } != nil
  }

  /// - Returns: what the step returns; nil if it failed.
  private func attempting<Value>(_ step: () throws -> Value) throws -> Value? {
    do {
      return try step()
    } catch {
      if isRequired { throw error }
      report(error)
      return nil
    }
  }
}
