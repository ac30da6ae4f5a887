import CGI

/// Puts requests together from the bytes of one connection, in whatever pieces they come.
///
/// Trusts nothing: what isn't FastCGI ends the connection, and what a request may take up is bounded.
struct RequestReader {
  /// The connection can't be understood any further.
  enum ProtocolError: Error {
    case wrongVersion, malformedRecord, malformedParameters
  }

  /// A request that is all there, or so much of it as will ever be read.
  struct Incoming {
    let requestID: UInt16
    let role: Role
    /// Whether the web server wants to send further requests on the connection.
    let keepsConnection: Bool
    /// nil where they are larger than they may be.
    let variables: MetaVariables?
    let body: [UInt8]
    /// Whether the end of standard input was seen; else more of it may be on its way.
    let isWhole: Bool
  }

  enum Event {
    case request(Incoming)
    /// Bytes to send back, such as the answer to a question about this application.
    case reply([UInt8])
    /// The same, and the connection is at its end.
    case lastReply([UInt8])
  }

  /// nginx can pass on 4 × 16 KB of a client's fields with the shipped configuration, Apache 100 × 8 KB. Bytes.
  private static let parameterLimit = 1 << 20
  /// Of a body no more is kept than the largest that `max_request_body_bytes` can allow, and one byte, so
  /// that it shows. Bytes.
  private static let bodyLimit = 262_144 + 1
  /// Of what is sent beyond that so much is read before the request is answered all the same. Bytes.
  private static let bodyReadLimit = 1 << 20

  private struct Current {
    let requestID: UInt16
    let role: Role
    let keepsConnection: Bool
    var parameters: [UInt8] = []
    var variables: MetaVariables?
    /// Whether all parameters have come, the ones too many included.
    var hasParameters = false
    var body: [UInt8] = []
    var bodySize = 0
  }

  private var current: Current?
  private var partialHeader: [UInt8] = []
  private var header: Record.Header?
  private var content: [UInt8] = []
  private var contentLeft = 0
  private var paddingLeft = 0

  /// Whether a request or a record has begun and not ended.
  var isInTheMiddle: Bool { current != nil || header != nil || !partialHeader.isEmpty }

  /// Takes in bytes up to the first event.
  /// - Parameter bytes: what it used up is removed from the front.
  /// - Returns: nil where the bytes ended first.
  mutating func read(_ bytes: inout Slice<UnsafeRawBufferPointer>) throws(ProtocolError) -> Event? {
    while true {
      if header == nil {
        guard try readHeader(&bytes) else { return nil }
      }
      guard let header else { return nil }
      takeContent(&bytes, header)
      if contentLeft > 0 {
        if let event = try earlyEnd() { return event }
        return nil
      }
      let padding = min(paddingLeft, bytes.count)
      bytes = bytes.dropFirst(padding)
      paddingLeft -= padding
      guard paddingLeft == 0 else { return nil }
      self.header = nil
      if let event = try finish(header) { return event }
    }
  }

  private mutating func readHeader(_ bytes: inout Slice<UnsafeRawBufferPointer>) throws(ProtocolError) -> Bool
  {
    let missing = Record.Header.size - partialHeader.count
    partialHeader.append(contentsOf: bytes.prefix(missing))
    bytes = bytes.dropFirst(missing)
    // Whoever speaks something else finds out at its first byte, not after eight.
    if let version = partialHeader.first, version != 1 { throw .wrongVersion }
    guard partialHeader.count == Record.Header.size else { return false }
    guard let header = Record.Header(partialHeader) else { throw .wrongVersion }
    partialHeader.removeAll(keepingCapacity: true)
    self.header = header
    contentLeft = header.length
    paddingLeft = header.padding
    return true
  }

  /// Moves content to where it belongs: to the current request's parameters or body, or aside.
  private mutating func takeContent(_ bytes: inout Slice<UnsafeRawBufferPointer>, _ header: Record.Header) {
    let taken = bytes.prefix(contentLeft)
    bytes = bytes.dropFirst(taken.count)
    contentLeft -= taken.count
    let isOfCurrent = current?.requestID == header.requestID
    switch header.kind {
    case Record.Kind.parameters where isOfCurrent:
      let room = Self.parameterLimit + 1 - current!.parameters.count
      current!.parameters.append(contentsOf: taken.prefix(room))
    case Record.Kind.standardInput where isOfCurrent:
      current!.bodySize += taken.count
      current!.body.append(contentsOf: taken.prefix(Self.bodyLimit - current!.body.count))
    case Record.Kind.beginRequest, Record.Kind.getValues:
      content.append(contentsOf: taken)
    default:
      // Of a request that is answered already, or nothing this program knows: let it pass.
      break
    }
  }

  /// The end of a request whose body is too long to be read to its end.
  private mutating func earlyEnd() throws(ProtocolError) -> Event? {
    guard let current, current.hasParameters, current.bodySize > Self.bodyReadLimit else { return nil }
    return complete(isWhole: false)
  }

  /// What a whole record means.
  private mutating func finish(_ header: Record.Header) throws(ProtocolError) -> Event? {
    defer { content.removeAll(keepingCapacity: false) }
    if header.requestID == 0 { return try management(header) }
    if header.kind == Record.Kind.beginRequest { return try begin(header) }
    guard let current, current.requestID == header.requestID else { return nil }
    switch header.kind {
    case Record.Kind.parameters: return try finishParameters(header, current)
    case Record.Kind.standardInput:
      guard current.hasParameters else { throw .malformedRecord }
      if header.length == 0 { return complete(isWhole: true) }
      return try earlyEnd()
    case Record.Kind.abortRequest: return end(header.requestID, .complete, keeps: current.keepsConnection)
    default: return nil
    }
  }

  private mutating func begin(_ header: Record.Header) throws(ProtocolError) -> Event? {
    guard header.length == 8 else { throw .malformedRecord }
    let keeps = content[2] & 1 != 0
    if let current {
      guard current.requestID != header.requestID else { throw .malformedRecord }
      var reply: [UInt8] = []
      Record.appendEnd(header.requestID, .cannotMultiplex, to: &reply)
      return .reply(reply)
    }
    guard let role = Role(Int(content[0]) << 8 | Int(content[1])) else {
      return end(header.requestID, .unknownRole, keeps: keeps)
    }
    current = Current(requestID: header.requestID, role: role, keepsConnection: keeps)
    return nil
  }

  private mutating func finishParameters(
    _ header: Record.Header, _ current: Current
  ) throws(ProtocolError) -> Event? {
    guard !current.hasParameters else { throw .malformedRecord }
    guard header.length == 0 else { return nil }
    self.current!.hasParameters = true
    if current.parameters.count <= Self.parameterLimit {
      self.current!.variables = try Self.variables(current.parameters)
    }
    self.current!.parameters = []
    // An authorizer's standard input is never waited for: some servers don't end it.
    return current.role == .authorizer ? complete(isWhole: false) : nil
  }

  private static func variables(_ parameters: [UInt8]) throws(ProtocolError) -> MetaVariables {
    var variables = MetaVariables()
    do {
      try parameters.withUnsafeBytes { bytes in
        var pairs = NameValuePairs(bytes)
        while let pair = try pairs.next() { variables.add(name: pair.name, value: pair.value) }
      }
    } catch {
      throw .malformedParameters
    }
    return variables
  }

  private mutating func complete(isWhole: Bool) -> Event? {
    guard let current else { return nil }
    self.current = nil
    return .request(
      Incoming(
        requestID: current.requestID, role: current.role, keepsConnection: current.keepsConnection,
        variables: current.variables, body: current.body, isWhole: isWhole))
  }

  private mutating func end(_ requestID: UInt16, _ status: Record.ProtocolStatus, keeps: Bool) -> Event {
    current = nil
    var reply: [UInt8] = []
    Record.appendEnd(requestID, status, to: &reply)
    return keeps ? .reply(reply) : .lastReply(reply)
  }

  /// Records about the application as a whole. Section 4.
  private func management(_ header: Record.Header) throws(ProtocolError) -> Event {
    // Whoever begins a request that can't be answered would wait for its end for ever.
    guard header.kind != Record.Kind.beginRequest else { throw .malformedRecord }
    var reply: [UInt8] = []
    guard header.kind == Record.Kind.getValues else {
      Record.append(Record.Kind.unknownKind, 0, [header.kind, 0, 0, 0, 0, 0, 0, 0], to: &reply)
      return .reply(reply)
    }
    // One request at a time on a connection is all there is to say: how many connections are open is
    // the web server's choice.
    var values: [UInt8] = []
    if try asksForMultiplexing() {
      values = [15, 1]
      values += Array("FCGI_MPXS_CONNS0".utf8)
    }
    Record.append(Record.Kind.getValuesResult, 0, values, to: &reply)
    return .reply(reply)
  }

  private func asksForMultiplexing() throws(ProtocolError) -> Bool {
    do {
      return try content.withUnsafeBytes { bytes in
        var pairs = NameValuePairs(bytes)
        var isAsked = false
        while let pair = try pairs.next() {
          if pair.name.elementsEqual("FCGI_MPXS_CONNS".utf8) { isAsked = true }
        }
        return isAsked
      }
    } catch {
      throw .malformedParameters
    }
  }
}
