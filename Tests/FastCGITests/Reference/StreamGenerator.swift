@testable import FastCGI

/// Makes streams at random.
struct StreamGenerator {
  var requests: RequestGenerator

  var random: SplitMix {
    get { requests.random }
    set { requests.random = newValue }
  }

  init(seed: UInt64) { requests = RequestGenerator(random: SplitMix(seed: seed)) }

  /// - Parameter ordinal: which of its kind it is; streams that go through all places where something can be cut go by it.
  mutating func stream(_ kind: StreamKind, _ ordinal: Int) -> TestStream {
    var stream: TestStream
    switch kind {
    case .plain: stream = served([requests.request()])
    case .kept: stream = served(keptRequests())
    case .authorizer: stream = served([requests.request(role: 2)])
    case .cutParameters: return cutParameters(ordinal)
    case .cutWrites: return cutWrites(ordinal)
    case .truncated: stream = truncated()
    case .interleaved: stream = interleaved()
    case .management: stream = management()
    case .malformed: stream = malformed()
    case .abort: stream = aborted()
    case .authorizerInput: stream = authorizerInput()
    case .emptyForeign: stream = emptyForeign()
    case .equalsSign: stream = changedName(UInt8(ascii: "="), .equalsSign)
    case .nul: stream = changedName(0, .nul)
    case .lastQuestion: stream = lastQuestion()
    case .lateRecords: stream = lateRecords()
    case .managementContent: stream = managementContent()
    case .misplaced: stream = misplaced()
    case .paddedEnd: stream = paddedEnd()
    case .pipelined: stream = pipelined()
    case .repeatedBegin: stream = repeatedBegin()
    case .unservedRole: stream = unservedRole()
    }
    let size = stream.stream.steps.reduce(0) { $0 + $1.bytes.count }
    switch random.below(4) {
    case 0: stream.stream.pieces = .upTo(max(8, size / 4))
    case 1: stream.stream.pieces = .upTo(size < 600 ? 1 : max(8, size / 40))
    default: break
    }
    return stream
  }

  // MARK: - Parts

  mutating func sizes(_ count: Int) -> RecordSizes {
    switch random.below(5) {
    case 0, 1: .largest
    case 2: .upTo(count < 1500 ? 1 : 2000)
    case 3: .upTo(count < 20_000 ? 20 : 5000)
    default: .cut(random.below(min(max(count, 1), 65535)))
    }
  }

  /// Everything up to the end of standard input.
  mutating func records(_ request: GeneratedRequest) -> [SentRecord] {
    var records = [SentRecord.begin(request.id, role: request.role, keeps: request.keeps)]
    records += sizes(request.parameters.count).records(
      Record.Kind.parameters, request.id, request.parameters, pads: true, &random)
    records.append(SentRecord(kind: Record.Kind.parameters, id: request.id))
    if request.role == 2 { return records }
    records += sizes(request.body.count).records(
      Record.Kind.standardInput, request.id, request.body, pads: true, &random)
    records.append(SentRecord(kind: Record.Kind.standardInput, id: request.id))
    return records
  }

  mutating func step(_ request: GeneratedRequest) -> RecordStream.Step { .init(records(request)) }

  mutating func keptRequests() -> [GeneratedRequest] {
    var all = (0..<random.within(1...3)).map { _ in requests.request(keeps: true) }
    all.append(requests.request())
    return all
  }

  private mutating func served(_ all: [GeneratedRequest]) -> TestStream {
    TestStream(stream: RecordStream(steps: all.map { step($0) }), requests: all)
  }

  mutating func foreignID(_ id: UInt16) -> UInt16 {
    let other = UInt16(random.within(1...0xffff))
    return other == id ? id ^ 1 | 2 : other
  }

  /// Where in a request's records something may be put in: after the first, before the last.
  mutating func place(_ records: [SentRecord]) -> Int { random.within(1...records.count - 1) }

  // MARK: - What both do

  /// The parameters in two records, cut at every place.
  private mutating func cutParameters(_ ordinal: Int) -> TestStream {
    let request = requests.smallRequest()
    var records = [SentRecord.begin(request.id, role: 1, keeps: false)]
    records += RecordSizes.cut(1 + ordinal % (request.parameters.count - 1)).records(
      Record.Kind.parameters, request.id, request.parameters, pads: true, &random)
    records.append(SentRecord(kind: Record.Kind.parameters, id: request.id))
    records.append(SentRecord(kind: Record.Kind.standardInput, id: request.id, content: request.body))
    if !request.body.isEmpty { records.append(SentRecord(kind: Record.Kind.standardInput, id: request.id)) }
    return TestStream(stream: RecordStream(steps: [.init(records)]), requests: [request])
  }

  /// All of a request in two writes, cut at every place.
  private mutating func cutWrites(_ ordinal: Int) -> TestStream {
    var stream = served([requests.smallRequest()])
    stream.stream.pieces = .cut(1 + ordinal % (stream.stream.steps[0].bytes.count - 1))
    return stream
  }

  private mutating func truncated() -> TestStream {
    let request = random.chance(50) ? requests.smallRequest() : requests.request()
    var step = step(request)
    step.bytes = Array(step.bytes.prefix(random.within(1...step.bytes.count)))
    return TestStream(stream: RecordStream(steps: [step]))
  }

  private mutating func interleaved() -> TestStream {
    let request = requests.request()
    var records = records(request)
    for _ in 0..<random.within(1...5) {
      let id = foreignID(request.id)
      var record = SentRecord.begin(id, role: UInt16(random.below(5)), keeps: random.chance(50))
      if random.chance(50) {
        record.kind = UInt8(random.within(2...255))
        record.content = requests.noise(random.within(1...300))
      }
      record.padding = random.chance(50) ? random.below(256) : 0
      records.insert(record, at: place(records))
    }
    return TestStream(stream: RecordStream(steps: [.init(records)]), requests: [request])
  }

  private mutating func management() -> TestStream {
    let request = requests.request()
    var records = random.chance(80) ? records(request) : []
    let isServed = !records.isEmpty
    for _ in 0..<random.within(1...3) {
      records.insert(managementRecord(), at: random.below(max(1, records.count)))
    }
    return TestStream(stream: RecordStream(steps: [.init(records)]), requests: isServed ? [request] : [])
  }

  private mutating func managementRecord() -> SentRecord {
    guard random.chance(70) else { return unknownManagement() }
    // Each at most once: libfcgi has room for three in its answer.
    var names = ["FCGI_MPXS_CONNS", "FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_NONE", ""].shuffled(
      using: &random)
    names.removeLast(random.below(5))
    let pairs = names.map {
      (name: Array($0.utf8), value: requests.noise(random.chance(80) ? 0 : random.below(200)))
    }
    return SentRecord(
      kind: Record.Kind.getValues, id: 0, content: requests.encode(pairs), padding: random.within(1...255))
  }

  mutating func unknownManagement() -> SentRecord {
    let kind = UInt8(random.within(2...255))
    return SentRecord(kind: kind == Record.Kind.getValues ? 77 : kind, id: 0, padding: random.below(256))
  }

  private mutating func malformed() -> TestStream {
    var request = requests.request()
    var records = records(request)
    switch random.below(8) {
    case 0: records[random.below(records.count)].version = random.pick([0, 2, 3, 128, 255])
    case 1:
      records[0] = .begin(request.id, role: 1, keeps: false, length: random.pick([0, 1, 7, 9, 16]))
    case 2: records[0].id = 0
    case 3:
      let early = SentRecord(kind: Record.Kind.standardInput, id: request.id, content: requests.noise(3))
      records.insert(early, at: 1)
    case 4:
      let late = SentRecord(kind: Record.Kind.parameters, id: request.id, content: requests.noise(3))
      records.insert(late, at: records.count - 1)
    case 5:
      // A pair that goes on behind the end. Lengths near 2 GiB would end libfcgi's process.
      request.parameters += random.pick([
        [0x80], [0x81, 0, 0], [5], [5, 0x80, 0, 0], [5, 1, 65], [0x80, 0xff, 0xff, 0xff, 0],
        [1, 0x80, 0xff, 0, 1, 65, 66],
      ])
      records = self.records(request)
    case 6:
      var question = managementRecord()
      question.kind = Record.Kind.getValues
      question.content += random.pick([[0x80], [5], [1, 0x80, 0, 0], [5, 1, 65], [1, 1, 65]])
      records.insert(question, at: random.below(records.count))
    default:
      var step = RecordStream.Step(records)
      step.bytes = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
      return TestStream(stream: RecordStream(steps: [step]))
    }
    return TestStream(stream: RecordStream(steps: [.init(records)]))
  }
}
