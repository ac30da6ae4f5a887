/// One-time challenges that wallets sign.
///
/// A store is shared by every worker, and each of its methods may be called by any number of threads and
/// processes at once.
public protocol ChallengeStore: Sendable {
  /// Makes a challenge for an address: 64 lower-case hex digits of 32 bytes nobody can guess.
  ///
  /// Earlier challenges for the address stay good.
  /// - Throws: ``StoreError`` where too many are pending or nothing can be written.
  func create(for address: String) throws -> String

  /// Uses up a challenge.
  /// - Returns: true exactly once for a challenge that was made for this address and hasn't expired.
  ///   Anything else is false and changes nothing.
  /// - Throws: ``StoreError`` where that could not be recorded; the challenge may be used up then or not.
  func consume(_ challenge: String, for address: String) throws -> Bool

  /// Which part of all the challenges there may be is pending, 0 to 1, as far as this process knows: above a half, clients
  /// that take more than others are refused. By default 0.
  var load: Double { get }

  /// Proves that the store could take a record now, and leaves nothing behind. By default it always can.
  /// - Throws: ``StoreError`` with the reason.
  func checkWritable() throws
}

extension ChallengeStore {
  public var load: Double { 0 }
  public func checkWritable() throws {}
}
