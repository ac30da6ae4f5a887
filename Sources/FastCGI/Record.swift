/// The records that the two sides send each other. FastCGI specification, section 3.3.
enum Record {
  /// The eight bytes before every record's content.
  struct Header {
    static let size = 8

    let kind: UInt8
    let requestID: UInt16
    /// Bytes of content.
    let length: Int
    /// Bytes after it that mean nothing.
    let padding: Int

    /// - Returns: nil where the version is another than 1: not FastCGI at all.
    init?(_ bytes: [UInt8]) {
      guard bytes[0] == 1 else { return nil }
      kind = bytes[1]
      requestID = UInt16(bytes[2]) << 8 | UInt16(bytes[3])
      length = Int(bytes[4]) << 8 | Int(bytes[5])
      padding = Int(bytes[6])
    }
  }

  /// The numbers of the kinds. Section 8.
  enum Kind {
    static let beginRequest: UInt8 = 1
    static let abortRequest: UInt8 = 2
    static let endRequest: UInt8 = 3
    static let parameters: UInt8 = 4
    static let standardInput: UInt8 = 5
    static let standardOutput: UInt8 = 6
    static let getValues: UInt8 = 9
    static let getValuesResult: UInt8 = 10
    static let unknownKind: UInt8 = 11
  }

  /// How a request ended for the protocol. Section 5.5.
  enum ProtocolStatus: UInt8 {
    case complete = 0
    /// The connection carries a request already, and only ever one.
    case cannotMultiplex = 1
    case unknownRole = 3
  }

  /// The largest content there is. Bytes.
  static let maximumLength = 65535

  static func append(
    _ kind: UInt8, _ requestID: UInt16, _ content: some Collection<UInt8>, to bytes: inout [UInt8]
  ) {
    let length = content.count
    bytes.append(contentsOf: [
      1, kind, UInt8(requestID >> 8), UInt8(requestID & 0xff), UInt8(length >> 8), UInt8(length & 0xff), 0, 0,
    ])
    bytes.append(contentsOf: content)
  }

  /// Appends bytes of standard output, in as many records as they need.
  static func appendOutput(_ requestID: UInt16, _ output: [UInt8], to bytes: inout [UInt8]) {
    // Room for the end as well: most answers are one piece.
    bytes.reserveCapacity(bytes.count + output.count + 64)
    var rest = output[...]
    while !rest.isEmpty {
      let content = rest.prefix(maximumLength)
      append(Kind.standardOutput, requestID, content, to: &bytes)
      rest = rest.dropFirst(content.count)
    }
  }

  /// Ends standard output and the request. Sections 5.3 and 5.5.
  static func appendOutputEnd(_ requestID: UInt16, to bytes: inout [UInt8]) {
    append(Kind.standardOutput, requestID, [], to: &bytes)
    appendEnd(requestID, .complete, to: &bytes)
  }

  static func appendEnd(_ requestID: UInt16, _ status: ProtocolStatus, to bytes: inout [UInt8]) {
    append(Kind.endRequest, requestID, [0, 0, 0, 0, status.rawValue, 0, 0, 0], to: &bytes)
  }
}
