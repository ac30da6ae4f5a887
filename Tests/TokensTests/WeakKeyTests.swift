import Foundation
import TestSupport
import Testing

@testable import Tokens

/// Keys that look like any other, and that others can sign with.
@Suite struct WeakKeyTests {
  private let folder = TemporaryFolder()

  /// Makes keys without a library, as none makes such: PKCS#1 in PEM.
  private static let maker = """
    import base64, math, random, sys
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
                if kind == "multiple": return random.getrandbits(2048) | 1 << 2047 | 1
            if is_prime(n): return n
    def after(n):
        while not is_prime(n): n += 2
        return n
    def second(p):
        if kind == "equal": return p
        if kind == "close": return after(p + 2)
        if kind == "near": return after(p + (random.getrandbits(900) | 1 << 899) * 2)
        if kind == "multiple": return 751
        return prime()
    long = {"carmichael": lambda: phi // math.gcd(p - 1, q - 1) + 1, "totient": lambda: phi + 1, "long": lambda: random.getrandbits(1500) | 1}
    while True:
        p = prime()
        q = second(p)
        n, phi = p * q, (p - 1) * (q - 1)
        if kind == "equal": phi = p * (p - 1)
        e = long[kind]() if kind in long else {"one": 1, "two": 2, "three": 3, "f5": 2**32 + 1}.get(kind, 65537)
        if kind != "multiple" and n.bit_length() != 2048: continue
        if e == 2 or math.gcd(e, phi) == 1: break
    d = 1 if e < 3 else pow(e, -1, phi)
    def tlv(tag, body):
        size = len(body).to_bytes(2, "big")
        return bytes([tag]) + (size[1:] if len(body) < 128 else b"\\x82" + size) + body
    numbers = [0, n, e, d, p, q, d % (p - 1), d % (q - 1), 1 if p == q else pow(q, -1, p)]
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

  @Test(
    arguments: [
      ("one", "exponent"), ("two", "exponent"), ("carmichael", "exponent"), ("totient", "exponent"),
      ("long", "exponent"),
      ("multiple", "is a multiple of"), ("equal", "primes are close"), ("close", "primes are close"),
      ("roca", "CVE-2017-15361"),
    ], [false, true])
  func isRefused(_ weakness: (kind: String, reason: String), isDeferred: Bool) throws {
    let files = try files(weakness.kind, seed: 1, isDeferred: isDeferred)
    let error = #expect(throws: KeyError.self) { try files.load() }
    #expect(
      error?.description.contains("\(weakness.kind).pem holds an RSA key") == true,
      "\(String(describing: error))")
    #expect(error?.description.contains(weakness.reason) == true)
  }

  /// The same way of making them, without the weakness.
  @Test(arguments: ["sound", "three", "f5"], [false, true])
  func othersAreNot(_ kind: String, isDeferred: Bool) throws {
    let ring = try files(kind, seed: 2, isDeferred: isDeferred).load()
    let signature = try ring.signing.sign([1, 2, 3])
    #expect(ring.signing.verification.verifies(signature, of: [1, 2, 3]))
  }

  /// Nobody sees it in the modulus: it shows when the key is about to sign.
  @Test(arguments: [false, true]) func primesThatOnlyThePrivateHalfShowsToBeNearSignNothing(isDeferred: Bool)
    throws
  {
    let files = try files("near", seed: 3, isDeferred: isDeferred)
    let error = #expect(throws: KeyError.self) { _ = try files.load().signing.sign([1, 2, 3]) }
    #expect(error?.description.contains("primes are close") == true, "\(String(describing: error))")
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
    #expect(numbers([0xff, 0xf1]).fault == nil)
    #expect(numbers([1, 0]).fault?.contains("even") == true)
    // 3 · 5 · 17 · 257; 1009 · 1013, 1013².
    #expect(numbers([0xff, 0xff]).fault?.contains("multiple of 3") == true)
    #expect(numbers([0x0f, 0x98, 0xa5]).fault?.contains("close") == true)
    #expect(numbers([0x0f, 0xa8, 0x79]).fault?.contains("close") == true)
  }
}
