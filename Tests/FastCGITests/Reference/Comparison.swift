import CGI

@testable import FastCGI

/// Both applications, and what one's answers mean for the other's.
struct Comparison: Sendable {
  let reference: String
  let ours: String

  struct Result {
    /// The differences that were seen.
    var differences: Set<Difference> = []
    /// What can't be explained; nil where all is as expected.
    var failure: String?
  }

  /// How often a stream is sent to libfcgi before its answer counts. Depending on how bytes arrive, libfcgi now and then reads
  /// memory that it freed, and its process dies in the middle of an answer.
  private static let attempts = 3

  func run(_ test: TestStream, random: SplitMix) throws -> Result {
    var result = try attempt(test, random)
    for _ in 1..<Self.attempts where result.failure != nil { result = try attempt(test, random) }
    return result
  }

  private func attempt(_ test: TestStream, _ random: SplitMix) throws -> Result {
    // Where libfcgi may wait without end, it is of no matter how long.
    let timeout: Int32 = if case .asReference = test.expectation { 30_000 } else { 3000 }
    let theirs = try Exchange.run(test.stream, on: reference, random: random, timeout: timeout)
    let (translated, seen) = try translate(theirs)
    var result = Result()

    let expected: Transcript
    switch test.expectation {
    case .asReference:
      expected = translated
      result.differences = seen
    case .asPlain(let plain, let after):
      let (translated, seen) = try translate(try Exchange.run(plain, on: reference, random: random))
      expected = Transcript(after + translated.replies)
      result.differences = seen
    case .exactly(let replies): expected = Transcript(replies)
    }
    // Answers don't wait for the end of the connection.
    let answer = try Exchange.run(test.stream, on: ours, random: random, ends: expected.ends)
    if translated != expected, let difference = test.difference { result.differences.insert(difference) }
    if answer != expected {
      result.failure = "expected:\n  \(expected)\nours:\n  \(answer)\nlibfcgi's, as it is:\n  \(theirs)"
    } else if let failure = comparePairs(test, theirs) {
      result.failure = failure
    }
    return result
  }

  /// What this program answers where libfcgi's application answers that.
  private func translate(_ transcript: Transcript) throws -> (Transcript, Set<Difference>) {
    var replies: [Transcript.Reply] = []
    var differences: Set<Difference> = []
    for reply in transcript.replies {
      switch reply {
      case .output(let id, let bytes):
        guard let echo = ReferenceResponder.Echo(bytes),
          bytes == Response(body: .bytes(echo.bytes)).parts(isHead: false).first
        else {
          replies.append(reply)
          continue
        }
        if echo.isBrokenOff {
          differences.insert(.brokenBody)
          return (Transcript(replies), differences)
        }
        let role: Role = echo.role == UInt8(ascii: "A") ? .authorizer : .responder
        let request = Request(variables: variables(echo.parameters), body: BytesBody(echo.body))
        if role == .responder, (try? request.body(limit: .max - 1)) == nil {
          differences.insert(.contentLength)
        }
        replies.append(.output(id, try Echoing.output(to: request, role)))
      case .values(let values):
        let known = values.filter { $0.starts(with: "FCGI_MPXS_CONNS=".utf8) }
        if known != values { differences.insert(.values) }
        replies.append(.values(known))
      default: replies.append(reply)
      }
    }
    return (Transcript(replies), differences)
  }

  private func variables(_ parameters: [[UInt8]]) -> MetaVariables {
    var variables = MetaVariables()
    for parameter in parameters {
      let end = parameter.firstIndex(of: UInt8(ascii: "=")) ?? parameter.count
      parameter.withUnsafeBytes {
        variables.add(
          name: UnsafeRawBufferPointer(rebasing: $0[..<end]),
          value: UnsafeRawBufferPointer(rebasing: $0.dropFirst(end + 1)))
      }
    }
    return variables
  }

  /// Every parameter, those that a request doesn't keep included.
  private func comparePairs(_ test: TestStream, _ theirs: Transcript) -> String? {
    let echoes = theirs.replies.compactMap { reply in
      if case .output(_, let bytes) = reply { ReferenceResponder.Echo(bytes) } else { nil }
    }
    guard !test.requests.isEmpty else { return nil }
    guard echoes.count == test.requests.count else { return "libfcgi answered \(echoes.count) requests" }
    for (echo, request) in zip(echoes, test.requests) {
      if echo.parameters != Transcript.pairs(request.parameters) { return "other parameters" }
      if echo.role != UInt8(ascii: "A"), echo.body != request.body { return "another body" }
    }
    return nil
  }
}
