/// Puts an answer into records, few and large, and sends them.
final class AnswerWriter {
  /// What is gathered before it is sent. Bytes.
  private static let chunk = 65536

  private let requestID: UInt16
  private let send: ([UInt8]) throws -> Void
  private var pending: [UInt8] = []

  init(requestID: UInt16, send: @escaping ([UInt8]) throws -> Void) {
    self.requestID = requestID
    self.send = send
  }

  /// Appends to standard output.
  func append(_ bytes: [UInt8]) throws {
    // Room for the end as well: most answers are one piece and go out in one call.
    pending.reserveCapacity(pending.count + bytes.count + 64)
    var rest = bytes[...]
    while !rest.isEmpty {
      let content = rest.prefix(Record.maximumLength)
      Record.append(Record.Kind.standardOutput, requestID, content, to: &pending)
      rest = rest.dropFirst(content.count)
    }
    if pending.count >= Self.chunk { try flush() }
  }

  /// Ends standard output and the request. FastCGI specification, sections 5.3 and 5.5.
  func finish() throws {
    Record.append(Record.Kind.standardOutput, requestID, [], to: &pending)
    Record.appendEnd(requestID, .complete, to: &pending)
    try flush()
  }

  private func flush() throws {
    try send(pending)
    pending.removeAll(keepingCapacity: true)
  }
}
