import CSecp256k1

/// The library's context, made once and never changed, so that any number of threads may use it.
enum Secp256k1Context {
  nonisolated(unsafe) static let shared = secp256k1_context_create(
    UInt32(SECP256K1_CONTEXT_NONE))!
}
