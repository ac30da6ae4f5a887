import Wire

/// The keys of one server. All of them verify and are published. The newest signs.
public struct KeyRing: Sendable {
  /// All keys, oldest first.
  public let keys: [SigningKey]
  /// The newest key, which signs.
  public let signing: SigningKey

  /// The published key set: a JWK Set, RFC 7517, section 5. Every process with the same keys has the same
  /// bytes.
  public let keySet: [UInt8]

  /// - Parameter keys: all keys, oldest first.
  /// - Throws: ``KeyError`` if there is no key, if two keys have the same name, or if a name has a slash. No file's name
  ///   has one; names with a slash are those of secrets that are derived from keys.
  public init(keys: [SigningKey]) throws(KeyError) {
    guard let newest = keys.last else { throw KeyError("no signing key") }
    for (index, key) in keys.enumerated()
    where keys[..<index].contains(where: { $0.kid.hasSameBytes(as: key.kid) }) {
      throw KeyError("two keys have the name \(key.kid)")
    }
    for key in keys where key.kid.utf8.contains(UInt8(ascii: "/")) {
      throw KeyError("the name \(key.kid) has a slash")
    }
    self.keys = keys
    self.signing = newest
    var document = JSONObjectWriter()
    document.add("keys", json: JSONObjectWriter.array(keys.map { Self.publicKey($0.verification) }))
    keySet = document.finish()
  }

  /// The private keys as a JSON object, for the workers. A worker that starts later gets the same keys, even
  /// if the files have changed since. So all workers sign with the same key and publish the same key set.
  /// - Throws: ``KeyError``.
  public func privateDocument() throws(KeyError) -> [UInt8] {
    var items: [[UInt8]] = []
    for key in keys {
      var item = JSONObjectWriter()
      item.add("kid", key.kid)
      item.add("pem", String(decoding: try key.pem(passphrase: nil), as: UTF8.self))
      items.append(item.finish())
    }
    var document = JSONObjectWriter()
    document.add("keys", json: JSONObjectWriter.array(items))
    return document.finish()
  }

  /// Reads the keys that ``privateDocument()`` wrote.
  /// - Throws: ``KeyError`` if there is no key or one can't be used.
  public init(privateDocument: [UInt8]) throws(KeyError) {
    var keys: [SigningKey] = []
    let document = try? JSONObject(parsing: privateDocument)
    for item in document?["keys"]?.array ?? [] {
      guard let kid = item.object?["kid"]?.string, let pem = item.object?["pem"]?.string else { continue }
      keys.append(try SigningKey(kid: kid, pem: Array(pem.utf8), passphrase: nil))
    }
    try self.init(keys: keys)
  }

  /// A public key as a JWK. RFC 7518, section 6.3.1.
  private static func publicKey(_ key: VerificationKey) -> [UInt8] {
    var document = JSONObjectWriter()
    document.add("kty", "RSA")
    document.add("kid", key.kid)
    document.add("alg", key.algorithm)
    document.add("use", "sig")
    document.add("n", String(decoding: Base64URL.encode(key.modulus), as: UTF8.self))
    document.add("e", String(decoding: Base64URL.encode(key.exponent), as: UTF8.self))
    return document.finish()
  }
}
