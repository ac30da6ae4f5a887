import Wire

/// Modulus and exponent of an RSA key, the two numbers of a private key that are public. Big-endian, without
/// leading zeros.
struct PublicNumbers {
  let modulus: [UInt8]
  let exponent: [UInt8]

  /// The length of the modulus in bits.
  var bits: Int { modulus.count * 8 - (modulus.first?.leadingZeroBitCount ?? 0) }

  /// Reads the two numbers from an unencrypted private key in PEM: PKCS#8 (RFC 5208, section 5) or PKCS#1
  /// (RFC 8017, appendix A.1.2). Looks at nothing else of the key.
  /// - Returns: nil for any other text. OpenSSL may still read it.
  init?(pem: [UInt8]) {
    let lines = pem.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
    let isPKCS8 = lines.first?.elementsEqual("-----BEGIN PRIVATE KEY-----".utf8) == true
    let isPKCS1 = lines.first?.elementsEqual("-----BEGIN RSA PRIVATE KEY-----".utf8) == true
    guard isPKCS8 || isPKCS1,
      let end = lines.firstIndex(where: { $0.starts(with: "-----END ".utf8) }),
      let bytes = Self.base64(lines[1..<end].reduce(into: []) { $0 += $1 })
    else { return nil }
    var reader = DERReader(bytes[...])
    guard var key = reader.enter(DERReader.sequence), key.number() != nil else { return nil }
    if isPKCS8 {
      guard var algorithm = key.enter(DERReader.sequence),
        algorithm.next(DERReader.objectIdentifier) == Self.rsa,
        var whole = key.enter(DERReader.octetString), var inner = whole.enter(DERReader.sequence),
        inner.number() != nil
      else { return nil }
      key = inner
    }
    guard let modulus = key.number(), let exponent = key.number(), !modulus.isEmpty, !exponent.isEmpty else {
      return nil
    }
    self.modulus = modulus
    self.exponent = exponent
  }

  init(modulus: [UInt8], exponent: [UInt8]) {
    self.modulus = modulus
    self.exponent = exponent
  }

  /// The content of the object identifier rsaEncryption, 1.2.840.113549.1.1.1. RFC 8017, appendix A.1.
  private static let rsa: [UInt8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01]

  /// Decodes base64 with padding, as in PEM. RFC 4648, section 4.
  private static func base64(_ text: [UInt8]) -> [UInt8]? {
    let unpadded = text.filter { $0 != UInt8(ascii: "=") }
    return Base64URL.decode(
      unpadded.map { byte in
        switch byte {
        case UInt8(ascii: "+"): UInt8(ascii: "-")
        case UInt8(ascii: "/"): UInt8(ascii: "_")
        default: byte
        }
      })
  }
}

/// Reads values in DER one after the other. X.690, section 8.1. Content may have up to 65,535 bytes.
private struct DERReader {
  static let integer: UInt8 = 0x02
  static let octetString: UInt8 = 0x04
  static let objectIdentifier: UInt8 = 0x06
  static let sequence: UInt8 = 0x30

  private var rest: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  /// The content of the next value. Nil if it has another tag or extends past the end.
  mutating func next(_ tag: UInt8) -> [UInt8]? { content(tag).map(Array.init) }

  /// A reader of the values inside the next one. Nil if that has another tag or extends past the end.
  mutating func enter(_ tag: UInt8) -> DERReader? { content(tag).map { DERReader($0) } }

  /// The next value, an integer that isn't negative, without leading zeros. Nil if it is something else.
  mutating func number() -> [UInt8]? { content(Self.integer).map { Array($0.drop { $0 == 0 }) } }

  private mutating func content(_ tag: UInt8) -> ArraySlice<UInt8>? {
    guard rest.popFirst() == tag, let first = rest.popFirst() else { return nil }
    var length = Int(first)
    if first >= 0x80 {
      let count = Int(first & 0x7f)
      guard (1...2).contains(count), rest.count >= count else { return nil }
      length = rest.prefix(count).reduce(0) { $0 << 8 | Int($1) }
      rest = rest.dropFirst(count)
    }
    guard rest.count >= length else { return nil }
    defer { rest = rest.dropFirst(length) }
    return rest.prefix(length)
  }
}
