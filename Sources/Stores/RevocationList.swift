/// A list of revocations, which may be larger than memory.
public struct RevocationList: Sendable {
  /// Identifies the content of the list. It changes whenever the list does, and is the same in every process.
  public let version: String
  /// The cursor with which the next list begins that holds only newer revocations.
  public let cursor: String
  private let open: @Sendable () throws -> RevocationReader

  /// - Parameters:
  ///   - version: see ``version``.
  ///   - cursor: see ``cursor``.
  ///   - makeReader: opens a reader of the list as it was when this value was made.
  public init(
    version: String, cursor: String, makeReader: @escaping @Sendable () throws -> RevocationReader
  ) {
    self.version = version
    self.cursor = cursor
    open = makeReader
  }

  /// Opens a reader at the newest revocation.
  /// - Throws: ``StoreError``.
  public func makeReader() throws -> RevocationReader {
    try open()
  }
}

/// Reads the revocations of a list one at a time. Between two reads, the reader holds neither a thread nor a
/// lock, so a slow client blocks nobody.
///
/// A reader isn't thread-safe.
public struct RevocationReader {
  private let read: () throws -> Revocation?

  /// - Parameter next: returns the next revocation on each call, and nil at the end.
  public init(next: @escaping () throws -> Revocation?) {
    read = next
  }

  /// The next revocation, or nil at the end.
  /// - Throws: ``StoreError``.
  public func next() throws -> Revocation? {
    try read()
  }
}
