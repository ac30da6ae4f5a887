/// A stream to send to both applications, and what is expected of this program's.
struct TestStream {
  enum Expectation {
    /// What libfcgi's answer to the same stream means for this program.
    case asReference
    /// These replies, and then what libfcgi's answer to another stream means, which has the same requests in a form that it
    /// understands.
    case asPlain(RecordStream, after: [Transcript.Reply] = [])
    case exactly([Transcript.Reply])
  }

  var stream: RecordStream
  var expectation = Expectation.asReference
  /// The difference that is expected.
  var difference: Difference?
  /// The requests in the stream that are to be answered.
  var requests: [GeneratedRequest] = []
}

/// What a stream is about, and how many in a hundred or so are of the kind.
enum StreamKind: CaseIterable {
  case plain, cutParameters, cutWrites, kept, authorizer, truncated, interleaved, management, malformed
  case abort, authorizerInput, emptyForeign, equalsSign, lastQuestion, lateRecords, managementContent,
    misplaced, nul,
    paddedEnd,
    pipelined, repeatedBegin, unservedRole

  private var weight: Int {
    switch self {
    case .plain: 24
    case .kept: 10
    case .cutParameters, .cutWrites: 8
    case .truncated, .interleaved: 7
    case .management, .malformed: 6
    case .authorizer: 5
    case .paddedEnd: 4
    case .pipelined: 3
    case .unservedRole, .authorizerInput, .misplaced: 2
    default: 1
    }
  }

  private static let weighted = allCases.flatMap { Array(repeating: $0, count: $0.weight) }

  /// The kind of a stream by its number; and which of this kind it is.
  static func of(_ number: Int) -> (kind: StreamKind, ordinal: Int) {
    let kind = weighted[number % weighted.count]
    let first = weighted.firstIndex(of: kind) ?? 0
    return (kind, number / weighted.count * kind.weight + number % weighted.count - first)
  }
}
