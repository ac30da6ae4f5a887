import CGI
import Testing

@testable import FastCGI

/// The bytes of a connection, taken apart: FastCGI specification, sections 3 to 5.
@Suite struct RequestReaderTests {
  /// What came of bytes: every event up to their end.
  private func events(
    _ bytes: [UInt8], inPiecesOf size: Int = .max, by reader: RequestReader = RequestReader()
  ) throws -> [RequestReader.Event] {
    var reader = reader
    var events: [RequestReader.Event] = []
    for start in stride(from: 0, to: bytes.count, by: min(size, bytes.count)) {
      let piece = Array(bytes[start..<min(start + min(size, bytes.count), bytes.count)])
      try piece.withUnsafeBytes {
        var rest = $0[...]
        while let event = try reader.read(&rest) { events.append(event) }
        #expect(rest.isEmpty)
      }
    }
    return events
  }

  private func requests(_ bytes: [UInt8], inPiecesOf size: Int = .max) throws -> [RequestReader.Incoming] {
    try events(bytes, inPiecesOf: size).compactMap {
      if case .request(let request) = $0 { request } else { nil }
    }
  }

  private func record(_ kind: UInt8, _ content: [UInt8], id: UInt16 = 1, padding: UInt8 = 0) -> [UInt8] {
    [
      1, kind, UInt8(id >> 8), UInt8(id & 0xff), UInt8(content.count >> 8), UInt8(content.count & 0xff),
      padding,
      0,
    ] + content + [UInt8](repeating: 0xaa, count: Int(padding))
  }

  private func begin(role: UInt8 = 1, keep: UInt8 = 0, id: UInt16 = 1) -> [UInt8] {
    record(1, [0, role, keep, 0, 0, 0, 0, 0], id: id)
  }

  private let parameters: [UInt8] =
    [14, 4] + Array("REQUEST_METHODPOST".utf8) + [11, 0x80, 0, 0, 200] + Array("SCRIPT_NAME".utf8)
    + [UInt8](repeating: 0x2f, count: 200)

  private func whole(_ id: UInt16 = 1) -> [UInt8] {
    begin(id: id) + record(4, parameters, id: id, padding: 7) + record(4, [], id: id)
      + record(5, Array("hello ".utf8), id: id, padding: 2) + record(5, Array("world".utf8), id: id)
      + record(5, [], id: id)
  }

  @Test(arguments: [1, 2, 3, 7, 8, 9, 100, .max])
  func aRequestIsTheSameInWhateverPiecesItComes(_ size: Int) throws {
    let requests = try requests(whole(), inPiecesOf: size)
    let request = try #require(requests.first)
    #expect(requests.count == 1)
    #expect(request.requestID == 1 && request.isWhole && !request.keepsConnection)
    #expect(request.variables?[.requestMethod] == "POST")
    #expect(request.variables?[.scriptName]?.utf8.count == 200)
    #expect(request.body == Array("hello world".utf8))
  }

  @Test func requestsFollowEachOther() throws {
    #expect(try requests(whole() + whole(2) + whole(), inPiecesOf: 5).map(\.requestID) == [1, 2, 1])
  }

  @Test func parametersMayBeCutAnywhere() throws {
    for cut in 1..<parameters.count {
      let bytes =
        begin() + record(4, Array(parameters[..<cut])) + record(4, Array(parameters[cut...])) + record(4, [])
        + record(5, [])
      #expect(try requests(bytes).first?.variables?[.requestMethod] == "POST")
    }
  }

  @Test func anAuthorizerIsAskedBeforeItsInputEnds() throws {
    let request = try #require(
      try requests(begin(role: 2) + record(4, parameters) + record(4, [])).first)
    #expect(request.role == .authorizer)
    #expect(!request.isWhole)
  }

  @Test func aSecondRequestBesideTheFirstIsRefused() throws {
    let bytes = begin() + begin(id: 2) + record(4, [], id: 2) + record(4, []) + record(5, [])
    let events = try events(bytes)
    guard case .reply(let reply) = events.first else {
      Issue.record("no reply")
      return
    }
    #expect(reply == record(3, [0, 0, 0, 0, 1, 0, 0, 0], id: 2))
    #expect(events.count == 2)
  }

  @Test func anUnknownRoleIsRefused() throws {
    let kept = try events(begin(role: 3, keep: 1))
    guard case .reply(let reply) = kept.first else {
      Issue.record("no reply")
      return
    }
    #expect(reply == record(3, [0, 0, 0, 0, 3, 0, 0, 0]))
    guard case .lastReply = try events(begin(role: 9)).first else {
      Issue.record("the connection goes on")
      return
    }
  }

  @Test func anAbortedRequestIsForgotten() throws {
    let events = try events(begin(keep: 1) + record(4, parameters) + record(2, []) + whole())
    guard case .reply(let reply) = events.first else {
      Issue.record("no reply")
      return
    }
    #expect(reply == record(3, [0, 0, 0, 0, 0, 0, 0, 0]))
    #expect(events.count == 2)
  }

  @Test func questionsAboutTheApplicationAreAnswered() throws {
    let question = record(9, [15, 0] + Array("FCGI_MPXS_CONNS".utf8), id: 0)
    guard case .reply(let values) = try events(question).first else {
      Issue.record("no reply")
      return
    }
    #expect(values == record(10, [15, 1] + Array("FCGI_MPXS_CONNS0".utf8), id: 0))
    guard case .reply(let unknown) = try events(record(77, [1, 2, 3], id: 0)).first else {
      Issue.record("no reply")
      return
    }
    #expect(unknown == record(11, [77, 0, 0, 0, 0, 0, 0, 0], id: 0))
  }

  @Test func aBodyBeyondAllLimitsIsCutAndAnswered() throws {
    let chunk = record(5, [UInt8](repeating: 1, count: 65535))
    let bytes = begin() + record(4, parameters) + record(4, []) + (0..<20).flatMap { _ in chunk }
    let request = try #require(try requests(bytes, inPiecesOf: 1000).first)
    #expect(!request.isWhole)
    #expect(request.body.count == 262_145)
  }

  @Test func tooManyParametersAreNotKept() throws {
    let long = record(4, [UInt8](repeating: 0, count: 65535))
    let bytes = begin() + (0..<20).flatMap { _ in long } + record(4, []) + record(5, [])
    let request = try #require(try requests(bytes).first)
    #expect(request.variables == nil)
  }

  @Test(
    arguments: [
      [0x80, 0xff, 0xff, 0xff, 0],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
      [5, 5, 0x41], [0x80], [1], [0, 0x80, 0, 0],
    ] as [[UInt8]])
  func parametersThatGoOnBehindTheirEndEndTheConnection(_ parameters: [UInt8]) {
    #expect(throws: RequestReader.ProtocolError.malformedParameters) {
      try events(begin() + record(4, parameters) + record(4, []))
    }
  }

  @Test func whatIsNotFastCGIEndsTheConnection() {
    #expect(throws: RequestReader.ProtocolError.wrongVersion) { try events(Array("GET /".utf8)) }
    #expect(throws: RequestReader.ProtocolError.malformedRecord) { try events(record(1, [0, 1, 0])) }
    #expect(throws: RequestReader.ProtocolError.malformedRecord) { try events(begin() + begin()) }
    #expect(throws: RequestReader.ProtocolError.malformedRecord) {
      try events(begin() + record(5, [1]))
    }
    #expect(throws: RequestReader.ProtocolError.malformedRecord) { try events(begin(id: 0)) }
    #expect(throws: RequestReader.ProtocolError.malformedParameters) {
      try events(record(9, [15, 0] + Array("FCGI_MPXS_CONNS".utf8) + [1], id: 0))
    }
  }

  /// Every byte of a request changed to each of some values: never a trap, never more than was sent, and the same in
  /// whatever pieces it comes.
  @Test func noByteCanHarm() {
    let bytes = whole()
    var (answered, refused) = (0, 0)
    for index in bytes.indices {
      for value in [0, 1, 0x7f, 0x80, 0xff, bytes[index] ^ 1] as [UInt8] {
        var mutated = bytes
        mutated[index] = value
        let found = outcome(mutated, inPiecesOf: .max)
        #expect(outcome(mutated, inPiecesOf: 11) == found, "byte \(index) of the value \(value)")
        switch found {
        case .success(let bodies):
          answered += bodies.count
          #expect(bodies.count <= 1 && (bodies.first?.count ?? 0) <= bytes.count)
        case .failure: refused += 1
        }
      }
    }
    #expect(answered > 1000 && refused > 100, "\(answered) \(refused)")
  }

  /// The bodies of the requests, or why the connection ends.
  private func outcome(
    _ bytes: [UInt8], inPiecesOf size: Int
  ) -> Result<[[UInt8]], RequestReader.ProtocolError> {
    do {
      return .success(try requests(bytes, inPiecesOf: size).map(\.body))
    } catch let error as RequestReader.ProtocolError {
      return .failure(error)
    } catch {
      Issue.record(error)
      return .success([])
    }
  }
}
