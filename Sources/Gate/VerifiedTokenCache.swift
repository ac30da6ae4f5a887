import Crypto
import Synchronization
import Tokens

/// Tokens whose signature, issuer and audience were found good, so that they needn't be checked again: what doesn't
/// change with time. Times and revocation are looked at with each use.
///
/// Two generations of bounded size: what is in use moves to the young one, and the old one is dropped as a whole when
/// the young one is full. Tokens are known by their SHA-256, so that memory holds none that could be stolen.
final class VerifiedTokenCache: Sendable {
  private typealias Key = SHA256.Digest

  private struct State {
    var young: [Key: Claims] = [:]
    var old: [Key: Claims] = [:]
    var size = 0
  }

  /// How much one generation holds, counted in the lengths of tokens. Bytes.
  private let capacity: Int
  private let state = Mutex(State())

  init(capacity: Int = 2 << 20) {
    self.capacity = capacity
  }

  /// The claims of a token, from before or else from `verify`. A refusal isn't kept: it costs whoever asks.
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
    // Used again: one more generation for it.
    if let old = known.1 { insert(key, old, size: size) }
    return known.1
  }

  private func insert(_ key: Key, _ claims: Claims, size: Int) {
    // What a small token's claims take up besides.
    let cost = size + 512
    // What is dropped is freed outside of the lock: it may be thousands.
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
