/// The format of FastCGI records. FastCGI specification, section 3.3.
enum Record {
  /// The eight bytes in front of a record's content. `FCGI_Header`.
  struct Header {
    static let size = 8

    let kind: UInt8
    let requestID: UInt16
    /// The size of the content. 0 to 65,535 bytes.
    let length: Int
    /// The size of the padding after the content, which the receiver ignores. 0 to 255 bytes.
    let padding: Int

    /// - Parameter bytes: ``size`` bytes.
    /// - Returns: nil if the version isn't 1 (`FCGI_VERSION_1`).
    init?(_ bytes: [UInt8]) {
      guard bytes[0] == 1 else { return nil }
      kind = bytes[1]
      requestID = UInt16(bytes[2]) << 8 | UInt16(bytes[3])
      length = Int(bytes[4]) << 8 | Int(bytes[5])
      padding = Int(bytes[6])
    }
  }

  /// The record types. Section 8.
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

  /// The protocol status of `FCGI_END_REQUEST`. Section 5.5.
  enum ProtocolStatus: UInt8 {
    case complete = 0
    /// `FCGI_CANT_MPX_CONN`: the connection already carries a request, and this application takes one at a time.
    case cannotMultiplex = 1
    case unknownRole = 3
  }

  /// The largest content of one record: its length has 16 bits. Bytes.
  static let maximumLength = 65535

  /// Appends one record without padding. `content` has at most ``maximumLength`` bytes.
  static func append(
    _ kind: UInt8, _ requestID: UInt16, _ content: some Collection<UInt8>, to bytes: inout [UInt8]
  ) {
    let length = content.count
    bytes.append(contentsOf: [
      1, kind, UInt8(requestID >> 8), UInt8(requestID & 0xff), UInt8(length >> 8), UInt8(length & 0xff), 0, 0,
    ])
    bytes.append(contentsOf: content)
  }

  /// Appends output as `FCGI_STDOUT` records of at most ``maximumLength`` bytes. Section 5.3.
  static func appendOutput(_ requestID: UInt16, _ output: [UInt8], to bytes: inout [UInt8]) {
    // 64 bytes hold the headers and the end of the request, so that an answer of one piece is allocated once.
    bytes.reserveCapacity(bytes.count + output.count + 64)
    var rest = output[...]
    while !rest.isEmpty {
      let content = rest.prefix(maximumLength)
      append(Kind.standardOutput, requestID, content, to: &bytes)
      rest = rest.dropFirst(content.count)
    }
  }

  /// Ends `FCGI_STDOUT` with an empty record, and ends the request. Sections 5.3 and 5.5.
  static func appendOutputEnd(_ requestID: UInt16, to bytes: inout [UInt8]) {
    append(Kind.standardOutput, requestID, [], to: &bytes)
    appendEnd(requestID, .complete, to: &bytes)
  }

  /// Appends an `FCGI_END_REQUEST` record with application status 0. Section 5.5.
  static func appendEnd(_ requestID: UInt16, _ status: ProtocolStatus, to bytes: inout [UInt8]) {
    append(Kind.endRequest, requestID, [0, 0, 0, 0, status.rawValue, 0, 0, 0], to: &bytes)
  }
}
