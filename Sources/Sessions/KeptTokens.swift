import Synchronization

/// Signed access tokens by `jti`, so that a token isn't signed again for each request. The number is bounded: a session
/// whose token is dropped signs the same token again.
final class KeptTokens: Sendable {
  private struct State {
    var young: [String: String] = [:]
    var old: [String: String] = [:]
  }

  /// The most tokens of one generation.
  private let capacity: Int
  private let state = Mutex(State())

  init(capacity: Int = 512) {
    self.capacity = capacity
  }

  /// The token with an identifier: kept, or else from `sign`.
  /// - Throws: what `sign` throws.
  func token(_ tokenID: String, _ sign: () throws -> String) throws -> String {
    let known = state.withLock { state in state.young[tokenID] ?? state.old[tokenID] }
    let token = try known ?? sign()
    state.withLock { state in
      if state.young[tokenID] != nil { return }
      if state.young.count >= capacity { (state.old, state.young) = (state.young, [:]) }
      state.young[tokenID] = token
    }
    return token
  }
}
