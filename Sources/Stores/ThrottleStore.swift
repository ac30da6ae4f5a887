/// The failed attempts to guess a secret, so that further ones can be slowed down, and who got in from where.
///
/// All workers share a store. Any number of threads and processes may call each method at once. A store has a fixed
/// size: it may forget subjects, those with the fewest failures first. A power failure may undo what it counted.
public protocol ThrottleStore: Sendable {
  /// Admits an attempt, unless one of the limits delays it. Nothing is counted then.
  ///
  /// Beyond its free attempts, a limit counts the attempt as failed at once. So of many attempts at the end of a delay,
  /// one is admitted.
  /// - Returns: nil if the attempt is delayed. Otherwise give the ticket to ``fail(_:)`` or ``succeed(_:)``.
  /// - Throws: ``StoreError`` if the store can't tell. Refuse the attempt then.
  func admit(_ limits: [ThrottleLimit]) throws -> ThrottleTicket?

  /// Whether one of the limits delays an attempt now. It counts nothing, and waits for no lock unless a record is just
  /// being written.
  /// - Throws: ``StoreError`` if the store can't tell, or couldn't count a failure. Refuse the attempt then.
  func isDelayed(_ limits: [ThrottleLimit]) throws -> Bool

  /// Counts a failed attempt, for the limits that haven't.
  /// - Throws: ``StoreError``.
  func fail(_ ticket: ThrottleTicket) throws

  /// Takes back what was counted for an attempt that succeeded.
  /// - Throws: ``StoreError``.
  func succeed(_ ticket: ThrottleTicket) throws

  /// Remembers that somebody signs in now, in place of an earlier sign-in of the same subject. Failures displace no
  /// sign-ins, and ``clear(_:)`` and ``clearAll()`` don't forget them.
  /// - Parameter subject: an account and a range of addresses.
  /// - Throws: ``StoreError``.
  func rememberSignIn(_ subject: ThrottleSubject) throws

  /// When somebody last signed in: seconds since 1970, with a fraction. Nil if the store remembers no sign-in. It
  /// takes as long for subjects that it doesn't know. It waits for no lock unless a record is just being written.
  /// - Throws: ``StoreError``.
  func lastSignIn(_ subject: ThrottleSubject) throws -> Double?

  /// Lists the subjects with failures that aren't forgotten, in no particular order.
  /// - Throws: ``StoreError``.
  func list() throws -> [ThrottleEntry]

  /// Forgets subjects.
  /// - Returns: how many of them had failures.
  /// - Throws: ``StoreError``.
  func clear(_ subjects: [ThrottleSubject]) throws -> Int

  /// Forgets all subjects.
  /// - Returns: how many had failures.
  /// - Throws: ``StoreError``.
  func clearAll() throws -> Int

  /// Checks that the store can write a record now, and leaves nothing behind. The default implementation does nothing.
  /// - Throws: ``StoreError`` with the reason.
  func checkWritable() throws
}

extension ThrottleStore {
  public func checkWritable() throws {}
}
