import Crypto

/// Ed25519 with SHA-512, RFC 8032, section 5.1. It refuses the public keys for which anybody can make
/// signatures.
public struct Ed25519Scheme: PublicKeyScheme {
  private static let publicKeySize = 32
  private static let signatureSize = 64

  public let name = "Ed25519"

  public init() {}

  public func verifies(signature: [UInt8], of message: [UInt8], publicKey: [UInt8]) -> Bool {
    guard publicKey.count == Self.publicKeySize, signature.count == Self.signatureSize,
      Self.isCanonical(publicKey), !Self.hasSmallOrder(publicKey),
      let key = try? Curve25519.Signing.PublicKey(rawRepresentation: publicKey)
    else { return false }
    return key.isValidSignature(signature, for: message)
  }

  public func objection(to publicKey: [UInt8]) -> String? {
    Ed25519Subgroup.contains(publicKey) ? nil : "public_key has a part of small order"
  }

  public func publicKey(seed: [UInt8]) throws(WalletKeyError) -> [UInt8] {
    guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed) else {
      throw WalletKeyError()
    }
    return Array(key.publicKey.rawRepresentation)
  }

  /// - Returns: the signature, 64 bytes.
  public func sign(_ message: [UInt8], seed: [UInt8]) throws -> [UInt8] {
    Array(try Curve25519.Signing.PrivateKey(rawRepresentation: seed).signature(for: message))
  }

  /// Whether y is below 2^255 - 19, so that a key has one encoding and so one address. RFC 8032, section
  /// 5.1.3.
  private static func isCanonical(_ key: [UInt8]) -> Bool {
    if key[31] & 0x7f != 0x7f { return true }
    if key[1..<31].contains(where: { $0 != 0xff }) { return true }
    return key[0] < 0xed
  }

  /// Whether the point's order divides 8. For such a key, about one in eight signatures that are made without
  /// a private key verifies.
  private static func hasSmallOrder(_ key: [UInt8]) -> Bool {
    var y = key
    y[31] &= 0x7f
    return smallOrderY.contains(y)
  }

  /// The y coordinates of the eight points of small order, little-endian and canonical: 0 (order 4), 1 (the
  /// neutral element), -1 (order 2) and the two of order 8.
  private static let smallOrderY: [[UInt8]] = [
    [UInt8](repeating: 0, count: 32),
    [1] + [UInt8](repeating: 0, count: 31),
    [0xec] + [UInt8](repeating: 0xff, count: 30) + [0x7f],
    [
      0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
      0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
      0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
      0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
  ]
}
