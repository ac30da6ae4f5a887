@testable import FastCGI

/// Streams that this program understands and libfcgi doesn't, or that it answers in another way.
extension StreamGenerator {
  /// A stream and its plain form.
  private func hard(
    _ steps: [RecordStream.Step], _ plain: [RecordStream.Step], _ difference: Difference,
    after: [Transcript.Reply] = []
  ) -> TestStream {
    TestStream(
      stream: RecordStream(steps: steps),
      expectation: .asPlain(RecordStream(steps: plain), after: after), difference: difference)
  }

  mutating func paddedEnd() -> TestStream {
    let all = random.chance(50) ? keptRequests() : [requests.request()]
    let plain = all.map { records($0) }
    var padded = plain
    for request in padded.indices {
      for index in padded[request].indices
      where (padded[request][index].content.isEmpty || index == 0) && random.chance(60) {
        padded[request][index].padding = random.within(1...255)
      }
    }
    return hard(padded.map { .init($0) }, plain.map { .init($0) }, .paddedEnd)
  }

  mutating func emptyForeign() -> TestStream {
    let request = requests.request()
    let plain = records(request)
    var records = plain
    for _ in 0..<random.within(1...3) {
      let record = SentRecord(
        kind: UInt8(random.within(2...255)), id: foreignID(request.id), padding: random.below(256))
      records.insert(record, at: place(records))
    }
    return hard([.init(records)], [.init(plain)], .emptyForeign)
  }

  mutating func pipelined() -> TestStream {
    let plain = keptRequests().map { records($0) }
    return hard([.init(plain.flatMap { $0 })], plain.map { .init($0) }, .pipelined)
  }

  mutating func authorizerInput() -> TestStream {
    let request = requests.request(role: 2, keeps: true)
    let plain = [records(request), records(requests.request())]
    let input = random.pick([1, 1000, 20_000])
    var records = plain[0]
    records += sizes(input).records(
      Record.Kind.standardInput, request.id, requests.noise(input), pads: true, &random)
    // Ended or not.
    if random.chance(50) { records.append(SentRecord(kind: Record.Kind.standardInput, id: request.id)) }
    return hard([.init(records), .init(plain[1])], plain.map { .init($0) }, .authorizerInput)
  }

  mutating func lastQuestion() -> TestStream {
    let question = requests.encode([(Array("FCGI_MPXS_CONNS".utf8), [])])
    return TestStream(
      stream: RecordStream(
        steps: [.init([SentRecord(kind: Record.Kind.getValues, id: 0, content: question)], ends: 0)]),
      expectation: .exactly([.values([Array("FCGI_MPXS_CONNS=0".utf8)])]), difference: .lastQuestion)
  }

  mutating func lateRecords() -> TestStream {
    let request = requests.request(keeps: true)
    let plain = [records(request), records(requests.request())]
    let late = (0..<random.within(1...3)).map { _ in
      SentRecord(
        kind: random.pick([Record.Kind.abortRequest, Record.Kind.standardInput]), id: request.id,
        content: requests.noise(random.pick([0, 0, 9])), padding: random.below(256))
    }
    return hard([.init(plain[0]), .init(late + plain[1])], plain.map { .init($0) }, .lateRecords)
  }

  mutating func managementContent() -> TestStream {
    let plain = records(requests.request())
    var record = unknownManagement()
    let place = random.below(plain.count)
    let plainStep = RecordStream.Step(plain[..<place] + [record] + plain[place...])
    record.content = requests.noise(random.within(1...300))
    return hard(
      [.init(plain[..<place] + [record] + plain[place...])], [plainStep], .managementContent)
  }

  mutating func misplaced() -> TestStream {
    let request = requests.request()
    let plain = records(request)
    var records = plain
    let record = SentRecord(
      kind: random.pick([3, 6, 7, 8, 9, 10, 11, 12, 128, 255]), id: request.id,
      content: requests.noise(random.below(300)), padding: random.below(256))
    records.insert(record, at: place(records))
    return hard([.init(records)], [.init(plain)], .misplaced)
  }

  mutating func aborted() -> TestStream {
    let request = requests.request(keeps: random.chance(70))
    let begun = records(request)
    var records = Array(begun[..<place(begun)])
    records.append(
      SentRecord(
        kind: Record.Kind.abortRequest, id: request.id, content: requests.noise(random.pick([0, 0, 9])),
        padding: random.below(256)))
    return ended(records, request, 0, .abort)
  }

  mutating func unservedRole() -> TestStream {
    let role = UInt16(random.pick([3, 3, 3, 0, 4, 5, 256, 257, 0x8001]))
    let request = requests.request(role: role, keeps: random.chance(70))
    return ended(records(request), request, 3, role == 3 ? .filter : .unknownRole)
  }

  /// A request that ends without an answer, and one after it.
  private mutating func ended(
    _ records: [SentRecord], _ request: GeneratedRequest, _ status: UInt8, _ difference: Difference
  ) -> TestStream {
    let end = Transcript.Reply.end(request.id, status: 0, protocolStatus: status)
    guard request.keeps else {
      return TestStream(
        stream: RecordStream(steps: [.init(records)]), expectation: .exactly([end]), difference: difference)
    }
    // At once, as libfcgi may wait for more instead of ending an aborted request.
    let next = self.records(requests.request())
    return hard([.init(records + next)], [.init(next)], difference, after: [end])
  }

  mutating func repeatedBegin() -> TestStream {
    let request = requests.request()
    var records = records(request)
    records.insert(.begin(request.id, role: 1, keeps: false), at: place(records))
    return TestStream(
      stream: RecordStream(steps: [.init(records)]), expectation: .exactly([]), difference: .repeatedBegin)
  }

  /// A byte put into the name, or after it into the value, of a pair that would otherwise be a variable.
  mutating func changedName(_ byte: UInt8, _ difference: Difference) -> TestStream {
    var request = requests.smallRequest()
    let value = requests.noise(5) + (byte == 0 && random.chance(50) ? [byte] : []) + requests.noise(5)
    let name = Array("HTTP_ORIGIN".utf8) + (value.contains(0) ? [] : [byte]) + requests.noise(random.below(3))
    request.pairs.insert((name, value), at: random.below(request.pairs.count))
    request.parameters = requests.encode(request.pairs)
    let output = (try? request.output()) ?? []
    return TestStream(
      stream: RecordStream(steps: [step(request)]),
      expectation: .exactly([
        .output(request.id, output), .outputEnd(request.id),
        .end(request.id, status: 0, protocolStatus: 0),
      ]), difference: difference)
  }
}
