/// Revocations to be listed, which may be more than fit into memory.
public struct RevocationList: Sendable {
  /// Changes whenever the list does, and is the same in every process.
  public let version: String
  /// Where the next list begins that has only what is new.
  public let cursor: String
  private let open: @Sendable () throws -> RevocationReader

  /// - Parameter makeReader: begins to read the list, as it was when this value was made.
  public init(
    version: String, cursor: String, makeReader: @escaping @Sendable () throws -> RevocationReader
  ) {
    self.version = version
    self.cursor = cursor
    open = makeReader
  }

  /// Begins to read the list, newest first.
  /// - Throws: ``StoreError``.
  public func makeReader() throws -> RevocationReader {
    try open()
  }
}

/// Hands over the revocations of a list one at a time, when the caller asks for them: a caller that waits between two
/// of them holds no thread and no lock.
///
/// For one caller at a time.
public struct RevocationReader {
  private let read: () throws -> Revocation?

  /// - Parameter next: gives the next revocation each time it is called, and nil at the end.
  public init(next: @escaping () throws -> Revocation?) {
    read = next
  }

  /// The next revocation; nil at the end.
  /// - Throws: ``StoreError``.
  public func next() throws -> Revocation? {
    try read()
  }
}
