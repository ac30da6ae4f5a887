import CGI

/// Assembles requests from the bytes of one connection, however the bytes are split.
///
/// It trusts no input. Bytes that aren't FastCGI end the connection, and the memory of a request is bounded.
struct RequestReader {
  /// The peer violated the protocol. The connection must be closed.
  enum ProtocolError: Error {
    case wrongVersion, malformedRecord, malformedParameters
  }

  /// A request to answer. Its body is cut if it exceeds the limit.
  struct Incoming {
    let requestID: UInt16
    let role: Role
    /// Whether the web server keeps the connection for further requests (`FCGI_KEEP_CONN`).
    let keepsConnection: Bool
    /// nil if the parameters exceed 1 MiB.
    let variables: MetaVariables?
    /// At most 262,145 bytes: one more than the largest body that a route accepts.
    let body: [UInt8]
    /// Whether standard input has ended. If not, the web server may send more of it.
    let isWhole: Bool
  }

  enum Event {
    case request(Incoming)
    /// Bytes to send to the web server, such as a management record.
    case reply([UInt8])
    /// Bytes to send to the web server before the connection is closed.
    case lastReply([UInt8])
  }

  /// Web servers pass on less: nginx 4 × 16 KB of a client's fields with the shipped configuration, Apache 100 × 8
  /// KB. Bytes.
  private static let parameterLimit = 1 << 20
  /// How much of a body is kept: the largest `max_request_body_bytes`, and one byte that shows that the body is
  /// longer. Bytes.
  private static let bodyLimit = 262_144 + 1
  /// How much of a body is read. The worker answers a request with a longer body without reading the rest, and then
  /// closes the connection. Bytes.
  private static let bodyReadLimit = 1 << 20

  private struct Current {
    let requestID: UInt16
    let role: Role
    let keepsConnection: Bool
    var parameters: [UInt8] = []
    var variables: MetaVariables?
    /// Whether the parameters have ended.
    var hasParameters = false
    var body: [UInt8] = []
    var bodySize = 0
  }

  private var current: Current?
  private var partialHeader: [UInt8] = []
  private var header: Record.Header?
  private(set) var content: [UInt8] = []
  private var contentLeft = 0
  private var paddingLeft = 0

  /// Whether a request or a record has partly arrived.
  var isInTheMiddle: Bool { current != nil || header != nil || !partialHeader.isEmpty }

  /// Reads bytes up to the first event, and removes them from the front of `bytes`.
  /// - Returns: nil if the bytes end before an event.
  /// - Throws: ``ProtocolError``.
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
    // A peer that speaks another protocol is disconnected at its first byte: it may never send eight.
    if let version = partialHeader.first, version != 1 { throw .wrongVersion }
    guard partialHeader.count == Record.Header.size else { return false }
    guard let header = Record.Header(partialHeader) else { throw .wrongVersion }
    partialHeader.removeAll(keepingCapacity: true)
    self.header = header
    contentLeft = header.length
    paddingLeft = header.padding
    return true
  }

  /// Appends content to the current request's parameters or body, or to the management or begin record. Drops the
  /// content of other records: those of a request that is answered already, and unknown types.
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
    default: break
    }
  }

  /// The current request, if its body exceeds ``bodyReadLimit``.
  private mutating func earlyEnd() throws(ProtocolError) -> Event? {
    guard let current, current.hasParameters, current.bodySize > Self.bodyReadLimit else { return nil }
    return complete(isWhole: false)
  }

  /// Handles a record that has completely arrived.
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
    // An authorizer gets no body (section 6.3), and lighttpd and Apache's mod_authnz_fcgi don't end its standard
    // input.
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
}
