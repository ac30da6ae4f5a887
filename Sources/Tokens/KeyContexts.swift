import COpenSSL
import Synchronization

/// Contexts for one operation with one key, made ready once and used again and again: OpenSSL takes longer to make one
/// ready than to check a signature with it. A context is one thread's for the time of a use; a key is everybody's.
final class KeyContexts: @unchecked Sendable {
  enum Operation {
    case sign, verify
  }

  private let key: OpaquePointer
  private let operation: Operation
  private let spare = Mutex<[UInt]>([])

  /// - Parameter key: an `EVP_PKEY`, RSA; a reference is taken.
  init(_ key: OpaquePointer, for operation: Operation) {
    EVP_PKEY_up_ref(key)
    self.key = key
    self.operation = operation
  }

  deinit {
    spare.withLock { for context in $0 { EVP_PKEY_CTX_free(OpaquePointer(bitPattern: context)) } }
    EVP_PKEY_free(key)
  }

  /// Uses a context for RSASSA-PKCS1-v1_5 over a SHA-256 digest.
  /// - Parameter body: calls `EVP_PKEY_sign` or `EVP_PKEY_verify`; answers whether the context may be used again.
  /// - Throws: ``KeyError`` where there is none to be had.
  func use(_ body: (OpaquePointer) -> Bool) throws(KeyError) {
    let context: OpaquePointer
    if let last = spare.withLock({ $0.popLast() }), let known = OpaquePointer(bitPattern: last) {
      context = known
    } else {
      context = try make()
    }
    if body(context) {
      // There are never more than threads that worked at once.
      spare.withLock { $0.append(UInt(bitPattern: context)) }
    } else {
      EVP_PKEY_CTX_free(context)
    }
  }

  private func make() throws(KeyError) -> OpaquePointer {
    guard let context = EVP_PKEY_CTX_new(key, nil) else { throw .openSSL("EVP_PKEY_CTX_new") }
    let isInitialized =
      switch operation {
      case .sign: EVP_PKEY_sign_init(context)
      case .verify: EVP_PKEY_verify_init(context)
      }
    guard isInitialized == 1, EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1,
      EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1
    else {
      EVP_PKEY_CTX_free(context)
      throw .openSSL("EVP_PKEY_CTX_set_signature_md")
    }
    return context
  }
}
