import CGI

@testable import FastCGI

/// A request to send, made at random, and the ways to put it into records.
struct GeneratedRequest {
  var id: UInt16 = 1
  var role: UInt16 = 1
  var keeps = false
  var pairs: [(name: [UInt8], value: [UInt8])] = []
  /// The pairs' encoding.
  var parameters: [UInt8] = []
  var body: [UInt8] = []

  /// What an application is to see of it.
  func output() throws -> [UInt8] {
    var variables = MetaVariables()
    for (name, value) in pairs {
      name.withUnsafeBytes { name in value.withUnsafeBytes { variables.add(name: name, value: $0) } }
    }
    return try Echoing.output(
      to: Request(variables: variables, body: BytesBody(body)), role == 2 ? .authorizer : .responder)
  }
}

/// How the bytes of a stream are put into records.
enum RecordSizes {
  case largest
  /// At random, up to so many bytes.
  case upTo(Int)
  /// Two records, the first of so many bytes.
  case cut(Int)

  /// The records of a stream, without the empty one that ends it.
  /// - Parameter pads: whether some records get padding.
  func records(
    _ kind: UInt8, _ id: UInt16, _ bytes: [UInt8], pads: Bool, _ random: inout SplitMix
  ) -> [SentRecord] {
    var records: [SentRecord] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      let size =
        switch self {
        case .largest: Record.maximumLength
        case .upTo(let size): random.within(1...min(size, Record.maximumLength))
        case .cut(let size): records.isEmpty ? max(1, size) : Record.maximumLength
        }
      let padding = pads && random.chance(50) ? random.below(256) : 0
      records.append(SentRecord(kind: kind, id: id, content: Array(rest.prefix(size)), padding: padding))
      rest = rest.dropFirst(size)
    }
    return records
  }
}

/// Makes requests at random.
struct RequestGenerator {
  var random: SplitMix

  private static let noise: [UInt8] = {
    var random = SplitMix(seed: 0)
    return (0..<250_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
  }()
  private static let text = noise.map { $0 & 0x7f == 0 ? 1 : $0 & 0x7f }
  private static let octets = noise.map { $0 == 0 ? 1 : $0 }
  private static let knownNames = RequestInput.allCases.map { Array($0.variable.utf8) }
  private static let ids: [UInt16] = [1, 1, 1, 1, 2, 127, 128, 255, 256, 257, 0x7fff, 0x8000, 0xffff]

  mutating func request(role: UInt16 = 1, keeps: Bool = false) -> GeneratedRequest {
    var request = GeneratedRequest(id: random.pick(Self.ids), role: role, keeps: keeps)
    request.body = body()
    for _ in 0..<random.pick([0, 1, 3, 6, 10, 25]) { request.pairs.append((name(), value())) }
    if random.chance(60) { request.pairs.append((Array("CONTENT_LENGTH".utf8), contentLength(request.body))) }
    if random.chance(50) { request.pairs.append((Array("QUERY_STRING".utf8), query())) }
    request.pairs.shuffle(using: &random)
    request.parameters = encode(request.pairs)
    return request
  }

  /// A small request of about 200 bytes, for ways of cutting it.
  mutating func smallRequest() -> GeneratedRequest {
    var request = GeneratedRequest(id: random.pick(Self.ids), body: noise(random.below(20)))
    request.pairs = [
      (Array("REQUEST_METHOD".utf8), Array("POST".utf8)), (name(), noise(130)),
      (Array("HTTP_HOST".utf8), noise(random.below(10))), ([], []),
    ]
    request.parameters = encode(request.pairs)
    return request
  }

  mutating func encode(_ pairs: [(name: [UInt8], value: [UInt8])]) -> [UInt8] {
    var bytes: [UInt8] = []
    for (name, value) in pairs { bytes += length(name.count) + length(value.count) + name + value }
    return bytes
  }

  /// A length in either form that it can have. FastCGI specification, section 3.4.
  private mutating func length(_ count: Int) -> [UInt8] {
    if count < 128 && random.chance(70) { return [UInt8(count)] }
    return [
      UInt8(count >> 24 | 0x80), UInt8(count >> 16 & 0xff), UInt8(count >> 8 & 0xff), UInt8(count & 0xff),
    ]
  }

  /// Bytes without NUL. Most are ASCII, as the test library takes a backtrace whenever bytes are no UTF-8.
  mutating func noise(_ count: Int) -> [UInt8] {
    let start = random.below(Self.noise.count - count)
    return Array((random.chance(5) ? Self.octets : Self.text)[start..<start + count])
  }

  private mutating func length() -> Int {
    switch random.below(100) {
    case ..<10: 0
    case ..<60: random.within(1...20)
    case ..<85: random.pick([126, 127, 128, 129, 255, 256, 257])
    case ..<99: random.below(2000)
    default: random.pick([8191, 8192, 65535, 65536, 70_000])
    }
  }

  mutating func name() -> [UInt8] {
    if random.chance(60) { return random.pick(Self.knownNames.filter { !Self.isSpecial($0) }) }
    return noise(length()).map { $0 == UInt8(ascii: "=") ? UInt8(ascii: "-") : $0 }
  }

  /// Whether its value is made with care.
  private static func isSpecial(_ name: [UInt8]) -> Bool {
    name == Array("CONTENT_LENGTH".utf8) || name == Array("QUERY_STRING".utf8)
  }

  private mutating func value() -> [UInt8] { noise(length()) }

  private mutating func query() -> [UInt8] {
    let count = random.chance(10) ? random.below(Echoing.longestPattern + 1) : random.below(300)
    return Array("answer=\(count)".utf8)
  }

  private mutating func contentLength(_ body: [UInt8]) -> [UInt8] {
    switch random.below(10) {
    case 0: []
    case 1: Array("\(random.below(body.count + 2))".utf8)
    case 2: Array("x".utf8)
    default: Array("\(body.count)".utf8)
    }
  }

  private mutating func body() -> [UInt8] {
    let count =
      switch random.below(100) {
      case ..<35: 0
      case ..<75: random.below(300)
      case ..<94: random.below(10_000)
      default: random.below(100_001)
      }
    let start = random.below(Self.noise.count - count)
    return Array(Self.noise[start..<start + count])
  }
}
