import POSIX
import Wallets
import Wire

/// A scheme that is unlike the registered ones: the wallet signs a message that names the site and the moment, the
/// challenge stands inside of it, the address is no plain hex, and the tokens get one more claim.
struct MessageScheme: WalletScheme {
  let name = "Message"
  let domain: String
  let clock: Clock

  private static let signer = Ed25519Scheme()

  func parse(_ members: WalletMembers) throws -> any WalletAttempt {
    let (address, message) = (try members.text("address"), try members.text("message"))
    let lines = message.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard lines.count == 4, let issued = Int(lines[3]) else {
      throw WalletRefusal.invalidRequest("message is malformed")
    }
    return Attempt(
      address: address, challenge: lines[2], message: message, domain: lines[0], signer: lines[1],
      issued: issued,
      signature: try members.bytes(hex: "signature"), scheme: self)
  }

  func publicKey(seed: [UInt8]) throws(WalletKeyError) -> [UInt8] { try Self.signer.publicKey(seed: seed) }

  func address(publicKey: [UInt8]) -> String { "pk:" + Hex.encode(publicKey) }

  func signIn(_ key: WalletKey, answering challenge: WalletMembers) throws -> [(name: String, value: String)]
  {
    let message = "\(domain)\n\(key.address)\n\(try challenge.text("challenge"))\n\(clock.seconds)"
    let signature = try Self.signer.sign(Array(message.utf8), seed: key.seed)
    return [("address", key.address), ("message", message), ("signature", Hex.encode(signature))]
  }

  private struct Attempt: WalletAttempt {
    let address: String
    let challenge: String
    let message: String
    let domain: String
    let signer: String
    let issued: Int
    let signature: [UInt8]
    let scheme: MessageScheme

    func verify(at site: WalletSite) throws(WalletRefusal) -> WalletIdentity {
      guard domain.hasSameBytes(as: scheme.domain) else { throw .notProven("message of another site") }
      guard (0...60).contains(scheme.clock.seconds - issued) else { throw .notProven("message is too old") }
      guard signer.hasSameBytes(as: address), let key = Hex.decode(String(signer.dropFirst(3))),
        signer.hasSameBytes(as: scheme.address(publicKey: key))
      else { throw .invalidRequest("address does not match") }
      guard MessageScheme.signer.verifies(signature: signature, of: Array(message.utf8), publicKey: key)
      else {
        throw .notProven("signature verification failed")
      }
      return WalletIdentity(subject: signer, claims: [("chain", "test:1")])
    }
  }
}
