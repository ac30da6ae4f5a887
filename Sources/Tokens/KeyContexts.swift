import COpenSSL
import Synchronization

/// A pool of OpenSSL contexts for one operation with one key. OpenSSL takes longer to initialize a context
/// than to verify a signature with it, so contexts are reused. One thread at a time uses a context. All
/// threads share the key.
final class KeyContexts: @unchecked Sendable {
  enum Operation {
    case sign, verify
  }

  private let key: OpaquePointer
  private let operation: Operation
  private let spare = Mutex<[UInt]>([])

  /// - Parameter key: an `EVP_PKEY` of an RSA key. The pool takes a reference to it.
  init(_ key: OpaquePointer, for operation: Operation) {
    EVP_PKEY_up_ref(key)
    self.key = key
    self.operation = operation
  }

  deinit {
    spare.withLock { for context in $0 { EVP_PKEY_CTX_free(OpaquePointer(bitPattern: context)) } }
    EVP_PKEY_free(key)
  }

  /// Lends a context for RSASSA-PKCS1-v1_5 over a SHA-256 digest. RFC 8017, section 8.2.
  /// - Parameter body: calls `EVP_PKEY_sign` or `EVP_PKEY_verify`. It returns whether the context can be used
  ///   again.
  /// - Throws: ``KeyError`` if OpenSSL can't make a context.
  func use(_ body: (OpaquePointer) -> Bool) throws(KeyError) {
    let context: OpaquePointer
    if let last = spare.withLock({ $0.popLast() }), let known = OpaquePointer(bitPattern: last) {
      context = known
    } else {
      context = try make()
    }
    if body(context) {
      // The pool never holds more contexts than threads worked at once.
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
