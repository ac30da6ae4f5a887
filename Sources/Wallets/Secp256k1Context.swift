import CSecp256k1

/// The library's context. It is made once and never changed, so any number of threads may use it.
/// `secp256k1_context_create`.
enum Secp256k1Context {
  nonisolated(unsafe) static let shared = secp256k1_context_create(
    UInt32(SECP256K1_CONTEXT_NONE))!
}
