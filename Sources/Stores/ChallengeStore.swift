// Stores: what the workers of an installation share. The files of this folder hold the protocols (challenges,
// revocations, the mint audit) and their records; the folder JSONL implements them as files under locks, and
// the comment on top of JSONL/AppendLog.swift is its guide. The module owns durability, locking, repair,
// compaction and retention. It knows no HTTP, no settings and no cryptography but hashes; of a token it knows
// the identifier and the claims that the mint audit records.

/// One-time challenges that wallets sign.
///
/// All workers share a store. Any number of threads and processes may call each method at once.
public protocol ChallengeStore: Sendable {
  /// Makes a challenge for an address. Earlier challenges for the address stay valid.
  /// - Returns: 64 lower-case hex digits, which stand for 32 bytes that a client can't guess.
  /// - Throws: ``StoreError`` if too many challenges are pending or the store can't write.
  func create(for address: String) throws -> String

  /// Uses up a challenge.
  /// - Returns: true exactly once for a challenge that was made for this address and hasn't expired. For any
  ///   other challenge the store returns false and changes nothing.
  /// - Throws: ``StoreError`` if the store can't record the use. The challenge may be used up or not.
  func consume(_ challenge: String, for address: String) throws -> Bool

  /// The part of all challenges that may be pending that is pending now, from 0 to 1, as far as this process
  /// knows. Above 0.5, the challenge route refuses clients that take more than others. The default
  /// implementation returns 0.
  var load: Double { get }

  /// Checks that the store can write a record now, and leaves nothing behind. The default implementation does
  /// nothing.
  /// - Throws: ``StoreError`` with the reason.
  func checkWritable() throws
}

extension ChallengeStore {
  public var load: Double { 0 }
  public func checkWritable() throws {}
}
