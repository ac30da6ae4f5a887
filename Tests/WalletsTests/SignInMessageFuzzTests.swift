import Foundation
import TestSupport
import Testing

@testable import Wallets

/// Messages made by the grammar are read as what they were made of. Messages with a mistake are refused, or they are
/// messages after all: then the parts that were read make up the same bytes.
///
/// PICO_AUTH_MESSAGES sets the number of messages, and PICO_AUTH_MESSAGE_SEED the seed.
@Suite struct SignInMessageFuzzTests {
  private static func number(_ name: String, _ otherwise: Int) -> Int {
    ProcessInfo.processInfo.environment[name].flatMap(Int.init) ?? otherwise
  }

  @Test func messagesMakeTheRoundTrip() throws {
    let seed = UInt64(Self.number("PICO_AUTH_MESSAGE_SEED", 4361))
    var generator = MessageGenerator(seed: seed)
    var changed = (accepted: 0, refused: 0)
    for round in 0..<Self.number("PICO_AUTH_MESSAGES", 5_000) {
      let message = generator.message()
      var bytes = Array(message.text.utf8)
      let read = try? SignInMessage(bytes, format: message.format)
      if read != message {
        Issue.record("seed \(seed), round \(round): \(message.text.debugDescription)")
        return
      }
      generator.change(&bytes)
      if let read = try? SignInMessage(bytes, format: message.format) {
        changed.accepted += 1
        if Array(read.text.utf8) != bytes {
          Issue.record(
            "seed \(seed), round \(round): \(String(decoding: bytes, as: UTF8.self).debugDescription)")
          return
        }
      } else {
        changed.refused += 1
      }
    }
    // Both happen, or the changes show nothing.
    #expect(changed.accepted > 0 && changed.refused > changed.accepted / 10)
  }
}

/// Makes messages by the rules of the grammar: EIP-4361, RFC 3986, RFC 3339.
private struct MessageGenerator {
  private var random: SplitMix

  init(seed: UInt64) { random = SplitMix(state: seed) }

  private static let letters = Array("abcxyzABCXYZ".unicodeScalars)
  private static let digits = Array("0123456789".unicodeScalars)
  private static let unreserved = letters + digits + Array("-._~".unicodeScalars)
  private static let subDelimiters = Array("!$&'()*+,;=".unicodeScalars)
  private static let reserved = Array(":/?#[]@".unicodeScalars) + subDelimiters

  private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
  private mutating func chance(_ parts: Int = 2) -> Bool { number(1...parts) == 1 }
  private mutating func one<Element>(of elements: [Element]) -> Element {
    elements[number(0...elements.count - 1)]
  }

  private mutating func text(_ characters: [Unicode.Scalar], _ count: ClosedRange<Int>, escapes: Bool = false)
    -> String
  {
    var text = ""
    for _ in 0..<number(count) {
      if escapes && chance(8) {
        text += one(of: ["%00", "%aF", "%0a", "%7E"])
      } else {
        text.unicodeScalars.append(one(of: characters))
      }
    }
    return text
  }

  private var names: [Unicode.Scalar] { Self.unreserved + Self.subDelimiters }
  private var segments: [Unicode.Scalar] { names + [":", "@"] }

  private mutating func scheme() -> String {
    text(Self.letters, 1...1) + text(Self.letters + Self.digits + ["+", "-", "."], 0...5)
  }

  private mutating func authority() -> String {
    var text = chance(4) ? text(names + [":"], 0...6, escapes: true) + "@" : ""
    switch number(0...4) {
    case 0: text += one(of: ["127.0.0.1", "255.255.255.255", "1.2.3.4.5", "999.1"])
    case 1:
      text += one(of: [
        "[::]", "[::1]", "[1::]", "[1:2:3:4:5:6:7:8]", "[::ffff:1.2.3.4]", "[1:2:3:4:5:6:7::]",
        "[2001:DB8::a]",
        "[1:2:3:4:5:6:1.2.3.4]", "[v1.a:b]", "[vF0.~]",
      ])
    default: text += self.text(names, 1...12, escapes: true)
    }
    if chance(3) { text += ":" + self.text(Self.digits, 0...5) }
    return text
  }

  private mutating func uri() -> String {
    var uri = scheme() + ":"
    switch number(0...3) {
    case 0, 1:
      uri += "//" + authority() + (chance() ? "/" + text(segments + ["/"], 0...10, escapes: true) : "")
    case 2: uri += text(segments, 1...8, escapes: true)
    default: break
    }
    if chance(3) { uri += "?" + text(segments + ["/", "?"], 0...8, escapes: true) }
    if chance(3) { uri += "#" + text(segments + ["/", "?"], 0...8, escapes: true) }
    return uri
  }

  private mutating func date() -> InternetDate {
    func padded(_ number: Int, _ width: Int) -> String {
      String(repeating: "0", count: width - "\(number)".count) + "\(number)"
    }
    let day = "\(padded(number(0...9999), 4))-\(padded(number(1...12), 2))-\(padded(number(1...28), 2))"
    let time = [number(0...23), number(0...59), number(0...60)].map { padded($0, 2) }.joined(separator: ":")
    let fraction = chance(3) ? "." + text(Self.digits, 1...30) : ""
    let offset =
      chance()
      ? one(of: ["Z", "z"])
      : one(of: ["+", "-"]) + "\(padded(number(0...23), 2)):\(padded(number(0...59), 2))"
    let text = day + one(of: ["T", "t"]) + time + fraction + offset
    guard let date = InternetDate(Array(text.utf8)[...]) else {
      Issue.record("no date: \(text)")
      return InternetDate(seconds: 0)
    }
    return date
  }

  private mutating func statement() -> String {
    chance(4)
      ? one(of: ["URI: https://a", "Version: 1", "Resources:", "- a:", " ", "Nonce: 12345678", "://"])
      : text(Self.unreserved + Self.reserved + [" "], 1...30)
  }

  mutating func message() -> SignInMessage {
    let isEthereum = chance()
    let key = (0..<32).map { _ in UInt8(number(0...255)) }
    return SignInMessage(
      format: isEthereum ? .ethereum : .solana, scheme: isEthereum && chance(3) ? scheme() : nil,
      domain: authority(),
      address: isEthereum ? one(of: Self.addresses) : Base58.encode(key),
      statement: chance(4) ? nil : statement(), uri: uri(),
      chain: isEthereum
        ? text(Self.digits, 1...25) : one(of: ["mainnet", "testnet", "devnet", "solana:devnet"]),
      nonce: text(Self.letters + Self.digits, 8...70), issuedAt: date(),
      expirationTime: chance() ? date() : nil, notBefore: chance(3) ? date() : nil,
      requestID: chance(3) ? text(segments, 0...8, escapes: true) : nil,
      resources: chance(3) ? (0..<number(0...3)).map { _ in uri() } : nil)
  }

  /// Made once, as a debug build needs a while for a checksum.
  private static let addresses = (0..<50).map { EthereumAddress(publicKey: [4, UInt8($0)]).text }

  /// Changes a byte or two, or a line.
  mutating func change(_ bytes: inout [UInt8]) {
    let position = number(0...bytes.count - 1)
    switch number(0...5) {
    case 0: bytes[position] = UInt8(number(0...255))
    case 1: bytes.remove(at: position)
    case 2: bytes.insert(one(of: Array("\n :/%[]@#?1aZ-".utf8) + [0, 0x0d, 0xc3, 0xff]), at: position)
    case 3: bytes.swapAt(position, number(0...bytes.count - 1))
    case 4: bytes.removeLast(number(1...min(30, bytes.count)))
    default:
      var lines = bytes.split(separator: 0x0a, omittingEmptySubsequences: false)
      let line = number(0...lines.count - 1)
      if chance() { lines.insert(lines[line], at: number(0...lines.count)) } else { lines.remove(at: line) }
      bytes = Array(lines.joined(separator: [0x0a]))
    }
  }
}

/// Steele, Lea and Flood's SplitMix64.
private struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
    return value ^ value >> 31
  }
}
