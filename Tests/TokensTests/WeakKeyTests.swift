import Foundation
import TestSupport
import Testing

@testable import Tokens

/// Keys that look like any other, and that others can sign with.
@Suite struct WeakKeyTests {
  private let folder = TemporaryFolder()

  /// Makes keys without a library, as none makes such: PKCS#1 in PEM.
  private static let maker = """
    import base64, random, sys
    kind, seed = sys.argv[1], int(sys.argv[2])
    random.seed(seed)
    def is_prime(n):
        if any(n % p == 0 for p in (3, 5, 7, 11, 13)): return False
        for _ in range(12):
            a, d, r = random.randrange(2, n - 1), n - 1, 0
            while d % 2 == 0: d, r = d // 2, r + 1
            x = pow(a, d, n)
            if x in (1, n - 1): continue
            if not any((x := x * x % n) == n - 1 for _ in range(r - 1)): return False
        return True
    small = [p for p in range(2, 710) if all(p % q for q in range(2, p))]
    product = 1
    for p in small[:126]: product *= p
    def prime():
        while True:
            if kind == "roca":
                n = random.randrange((3 << 1022) // product, (1 << 1024) // product) * product
                n += pow(65537, random.getrandbits(1000), product)
                if n >> 1022 != 3: continue
            else:
                n = random.getrandbits(1024) | 3 << 1022 | 1
            if is_prime(n): return n
    e = {"one": 1, "two": 2, "three": 3}.get(kind, 65537)
    while True:
        p, q = prime(), prime()
        n, phi = p * q, (p - 1) * (q - 1)
        if n.bit_length() == 2048 and (e == 2 or __import__("math").gcd(e, phi) == 1): break
    d = 1 if e < 3 else pow(e, -1, phi)
    def tlv(tag, body):
        size = len(body).to_bytes(2, "big")
        return bytes([tag]) + (size[1:] if len(body) < 128 else b"\\x82" + size) + body
    numbers = [0, n, e, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p)]
    der = tlv(0x30, b"".join(tlv(2, k.to_bytes(k.bit_length() // 8 + 1, "big")) for k in numbers))
    text = base64.encodebytes(der).decode()
    print("-----BEGIN RSA PRIVATE KEY-----\\n" + text + "-----END RSA PRIVATE KEY-----")
    """

  private func files(_ kind: String, seed: Int, isDeferred: Bool) throws -> KeyFiles {
    let made = try Tool.run(["python3", "-c", Self.maker, kind, "\(seed)"])
    try #require(made.status == 0, "\(made.errors)")
    return KeyFiles(
      path: try folder.write("\(kind).pem", made.output), passphrase: nil, isDeferred: isDeferred)
  }

  @Test(arguments: [("one", "exponent"), ("two", "exponent"), ("roca", "CVE-2017-15361")], [false, true])
  func isRefused(_ weakness: (kind: String, reason: String), isDeferred: Bool) throws {
    let files = try files(weakness.kind, seed: 1, isDeferred: isDeferred)
    let error = #expect(throws: KeyError.self) { try files.load() }
    #expect(
      error?.description.contains("\(weakness.kind).pem holds an RSA key") == true,
      "\(String(describing: error))")
    #expect(error?.description.contains(weakness.reason) == true)
  }

  /// The same way of making them, without the weakness.
  @Test(arguments: ["sound", "three"], [false, true])
  func othersAreNot(_ kind: String, isDeferred: Bool) throws {
    let ring = try files(kind, seed: 2, isDeferred: isDeferred).load()
    let signature = try ring.signing.sign([1, 2, 3])
    #expect(ring.signing.verification.verifies(signature, of: [1, 2, 3]))
  }

  @Test func theFingerprintIsOfTheModulusAlone() {
    // 65537 to any power modulo the first primes, and any multiple of their product added.
    func numbers(_ modulus: [UInt8]) -> PublicNumbers {
      PublicNumbers(modulus: modulus, exponent: [1, 0, 1])
    }
    #expect(numbers([1]).fault?.contains("ROCA") == true)
    #expect(numbers([1, 0, 1]).fault?.contains("ROCA") == true)
    #expect(numbers([1, 0, 2, 0, 1]).fault?.contains("ROCA") == true)
    #expect(numbers([1, 0, 3]).fault == nil)
    #expect(numbers([0xff, 0xff]).fault == nil)
    #expect(numbers([1, 0]).fault?.contains("even") == true)
  }
}
