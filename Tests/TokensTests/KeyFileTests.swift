import Foundation
import TestSupport
import Testing

@testable import Tokens

@Suite struct KeyFileTests {
  private let folder = TemporaryFolder()

  private func files(_ name: String = "keys", passphrase: String? = nil) -> KeyFiles {
    KeyFiles(path: folder.file(name), passphrase: passphrase)
  }

  private func deferred(_ name: String) -> KeyFiles {
    KeyFiles(path: folder.file(name), passphrase: nil, isDeferred: true)
  }

  private func openssl(_ arguments: String...) throws -> String {
    let result = try Tool.run(["openssl"] + arguments)
    #expect(result.status == 0, "\(result.errors)")
    return result.output
  }

  @Test func theFirstStartMakesAKeyThatEveryLaterOneReads() throws {
    let first = try files().load()
    #expect(first.signing.kid == "pico-server-auth-1")
    #expect(first.signing.bits == 2048)
    #expect(try files().load().keySet == first.keySet)
    let path = folder.file("keys/pico-server-auth-1.pem")
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    #expect(try openssl("pkey", "-in", path, "-check", "-noout").contains("Key is valid"))
  }

  @Test func ofManyStartsAtOnceOneMakesTheKey() throws {
    let files = files()
    let keySets = try concurrently(8) { _ in try files.load().keySet }
    #expect(Set(keySets).count == 1)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("keys")).count == 1)
  }

  @Test func readsPKCS1AndPKCS8EncryptedOrNot() throws {
    let plain = folder.file("plain.pem")
    _ = try openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", plain)
    _ = try openssl("rsa", "-traditional", "-in", plain, "-out", folder.file("pkcs1.pem"))
    _ = try openssl(
      "pkcs8", "-topk8", "-v2", "aes-256-cbc", "-passout", "pass:secret", "-in", plain, "-out",
      folder.file("pkcs8-encrypted.pem"))
    _ = try openssl(
      "rsa", "-traditional", "-aes128", "-passout", "pass:secret", "-in", plain, "-out",
      folder.file("pkcs1-encrypted.pem"))
    let expected = try files("plain.pem").load().keySet
    #expect(try files("pkcs1.pem").load().keySet == expected)
    // Read at first use, as a CGI script does: the same keys, and the same signatures.
    for name in ["plain.pem", "pkcs1.pem"] {
      let ring = try deferred(name).load()
      #expect(ring.keySet == expected)
      #expect(try ring.signing.sign([1, 2, 3]) == files("plain.pem").load().signing.sign([1, 2, 3]))
    }
    for name in ["pkcs8-encrypted.pem", "pkcs1-encrypted.pem"] {
      #expect(try files(name, passphrase: "secret").load().keySet == expected)
      #expect(throws: KeyError.self) { try files(name).load() }
      #expect(throws: KeyError.self) { try deferred(name).load() }
      let error = #expect(throws: KeyError.self) { try files(name, passphrase: "guess").load() }
      #expect(error?.description.contains("guess") == false)
    }
  }

  @Test func aMadeKeyIsEncryptedWithThePassphrase() throws {
    let made = try files(passphrase: "secret").load().keySet
    #expect(try folder.read("keys/pico-server-auth-1.pem").contains("ENCRYPTED"))
    #expect(try files(passphrase: "secret").load().keySet == made)
    #expect(throws: KeyError.self) { try files().load() }
  }

  @Test func refusesWhatIsNoGoodKeyAndSaysWhy() throws {
    let small = folder.file("small.pem")
    _ = try openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024", "-out", small)
    let good = folder.file("good.pem")
    _ = try openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", good)
    _ = try openssl("pkey", "-in", good, "-pubout", "-out", folder.file("public.pem"))
    chmod(folder.file("public.pem"), 0o600)
    _ = try openssl("genpkey", "-algorithm", "ed25519", "-out", folder.file("curve.pem"))
    let text = try folder.read("good.pem")
    try folder.write("damaged.pem", text.replacingOccurrences(of: "MII", with: "MIJ"))
    try folder.write("empty.pem", "")
    try folder.write("readable.pem", text, mode: 0o644)
    try folder.write("group.pem", text, mode: 0o640)
    for (name, reason) in [
      ("small.pem", "1024 bits"), ("public.pem", "public key"), ("curve.pem", "no RSA key"),
      ("damaged.pem", "damaged"), ("empty.pem", "no private key"), ("readable.pem", "chmod 600"),
      ("group.pem", "chmod 600"),
    ] {
      let error = #expect(throws: KeyError.self) { try files(name).load() }
      #expect(error?.description.contains(reason) == true, "\(name): \(error?.description ?? "")")
      #expect(error?.description.contains(name) == true)
    }
  }

  @Test func aSecondKeySignsAndTheFirstStaysPublished() throws {
    _ = try files().load()
    #expect(try files().generate(bits: 3072).kid == "pico-server-auth-2")
    let ring = try files().load()
    #expect(ring.keys.map(\.kid) == ["pico-server-auth-1", "pico-server-auth-2"])
    #expect(ring.signing.kid == "pico-server-auth-2")
    #expect(ring.signing.bits == 3072)
    let keySet = String(decoding: ring.keySet, as: UTF8.self)
    #expect(keySet.components(separatedBy: "\"kid\"").count == 3)
  }

  @Test func tenComesAfterNine() throws {
    let text = try String(decoding: SigningKey.generate(kid: "x").pem(passphrase: nil), as: UTF8.self)
    for number in [10, 9, 2] { try folder.write("many/pico-server-auth-\(number).pem", text) }
    #expect(
      try files("many").existing().map(\.kid) == [
        "pico-server-auth-2", "pico-server-auth-9", "pico-server-auth-10",
      ])
  }

  @Test func aKeyThatIsCutOffIsRefused() throws {
    let pem = try madeKey()
    for length in stride(from: 0, to: pem.utf8.count - 30, by: 13) {
      try folder.write("cut.pem", String(pem.prefix(length)))
      #expect(throws: KeyError.self) { try deferred("cut.pem").load().signing.sign([1]) }
      #expect(throws: KeyError.self) { try files("cut.pem").load() }
    }
  }

  /// OpenSSL reads many a damaged key, and signs by the numbers that are whole. Whatever is signed must be good by the key
  /// that is published.
  @Test(arguments: ["A", "/", "!"])
  func aDamagedKeySignsWhatItsPublicHalfVerifiesOrNothing(_ change: String) throws {
    let message: [UInt8] = [1]
    let lines = try madeKey().split(separator: "\n", omittingEmptySubsequences: false)
    let whole = try files().load()
    let expected = try whole.signing.sign(message)
    var refused: Set<Int> = []
    // Behind the first line and before the last, and the empty text behind that.
    for line in 1..<lines.count - 2 {
      var changed = lines
      changed[line] = Substring((changed[line].hasPrefix(change) ? "B" : change) + changed[line].dropFirst())
      try folder.write("changed.pem", changed.joined(separator: "\n"))
      do throws(KeyError) {
        let ring = try deferred("changed.pem").load()
        let signature = try ring.signing.sign(message)
        #expect(signature == expected && ring.keySet == whole.keySet, "line \(line)")
      } catch {
        refused.insert(line)
      }
      do throws(KeyError) {
        let ring = try files("changed.pem").load()
        #expect(ring.keySet == whole.keySet && !refused.contains(line), "line \(line)")
      } catch {
        #expect(refused.contains(line), "line \(line)")
      }
    }
    // With `!` no line is base64. Otherwise the lines that hold the beginning and the modulus are refused.
    #expect(refused.isSuperset(of: change == "!" ? 1...lines.count - 3 : 1...7), "\(refused.sorted())")
  }

  /// Makes the first key.
  private func madeKey() throws -> String {
    _ = try files().load()
    return try folder.read("keys/pico-server-auth-1.pem")
  }

  @Test func aHandoverHasTheSameKeys() throws {
    _ = try files().load()
    _ = try files().generate(bits: 2048)
    let ring = try files().load()
    let taken = try KeyRing(privateDocument: try ring.privateDocument())
    #expect(taken.keySet == ring.keySet)
    #expect(taken.signing.kid == "pico-server-auth-2")
    #expect(try taken.signing.sign([1]) == ring.signing.sign([1]))
    #expect(throws: KeyError.self) { try KeyRing(privateDocument: []) }
  }
}
