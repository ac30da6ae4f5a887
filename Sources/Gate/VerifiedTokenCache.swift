import Crypto
import Synchronization
import Tokens

/// Caches the claims of tokens with a good signature, issuer and audience. These don't change with time. The
/// ``Authenticator`` checks times and revocation at each use.
///
/// The cache has two generations of bounded size. An entry that is used moves to the young generation. When the young
/// one is full, it becomes the old one, and the cache drops the old one as a whole. The keys are SHA-256 digests of
/// tokens, so that memory holds no token that could be stolen.
final class VerifiedTokenCache: Sendable {
  private typealias Key = SHA256.Digest

  private struct State {
    var young: [Key: Claims] = [:]
    var old: [Key: Claims] = [:]
    var size = 0
  }

  /// The size of one generation, as the sum of its tokens' lengths and a fixed cost for each. Bytes.
  private let capacity: Int
  private let state = Mutex(State())

  /// - Parameter capacity: the size of one generation. Bytes.
  init(capacity: Int = 2 << 20) {
    self.capacity = capacity
  }

  /// The claims of a token: cached, or else from `verify`. The cache keeps no failure, so bad tokens can't displace
  /// good ones.
  /// - Throws: what `verify` throws.
  func claims(
    of token: String, _ verify: (String) throws(TokenError) -> Claims
  ) throws(TokenError) -> Claims {
    var text = token
    let key = text.withUTF8 { SHA256.hash(data: UnsafeRawBufferPointer($0)) }
    if let known = find(key, size: token.utf8.count) { return known }
    let claims = try verify(token)
    insert(key, claims, size: token.utf8.count)
    return claims
  }

  private func find(_ key: Key, size: Int) -> Claims? {
    let known = state.withLock { ($0.young[key], $0.old[key]) }
    if let young = known.0 { return young }
    // A used entry stays for one more generation.
    if let old = known.1 { insert(key, old, size: size) }
    return known.1
  }

  private func insert(_ key: Key, _ claims: Claims, size: Int) {
    // 512 bytes: what the claims of a small token take.
    let cost = size + 512
    // The lock is released before the dropped generation is freed, which may be thousands of entries.
    var dropped: [Key: Claims] = [:]
    state.withLock { state in
      if state.size + cost > capacity {
        dropped = state.old
        state.old = state.young
        state.young = [:]
        state.size = 0
      }
      if state.young.updateValue(claims, forKey: key) == nil { state.size += cost }
    }
    dropped.removeAll()
  }
}
