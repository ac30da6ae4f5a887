import Foundation

/// The web server's side of FastCGI, to the byte. FastCGI specification, section 3.
public final class FastCGIClient: @unchecked Sendable {
  private let socket: Socket
  private let keepsConnection: Bool
  /// What has come of the next answer.
  private var received: [UInt8] = []

  /// - Parameter waits: whether to wait for room among the connections that aren't accepted yet.
  public init(unix path: String, keepsConnection: Bool = false, waits: Bool = true) throws {
    socket = try Socket(unix: path, waits: waits)
    self.keepsConnection = keepsConnection
  }

  /// Sends a request and reads its answer.
  public func send(
    _ variables: [(String, String)], body: [UInt8] = [], role: UInt8 = 1
  ) throws -> HTTPAnswer {
    try socket.send(request(variables, body: body, role: role))
    return try answer()
  }

  /// The bytes of a request.
  public func request(
    _ variables: [(String, String)], body: [UInt8] = [], role: UInt8 = 1
  ) -> [UInt8] {
    var parameters: [UInt8] = []
    for (name, value) in variables {
      parameters += Self.length(name.utf8.count) + Self.length(value.utf8.count)
      parameters += Array(name.utf8) + Array(value.utf8)
    }
    var bytes = Self.record(1, [0, role, keepsConnection ? 1 : 0, 0, 0, 0, 0, 0])
    bytes += Self.stream(4, parameters)
    if role == 1 { bytes += Self.stream(5, body) }
    return bytes
  }

  public func sendRaw(_ bytes: some Collection<UInt8>) throws { try socket.send(Array(bytes)) }

  /// Tells the other side that nothing more will come.
  public func endSending() { socket.endSending() }

  /// Whether the other side has read all that was sent.
  public var isRead: Bool { socket.unreadByPeer == 0 }

  /// Whether something of an answer has come, or the end of the connection.
  public var isAnswered: Bool { !received.isEmpty || socket.isReadable }

  /// Reads records up to the end of the request.
  public func answer() throws -> HTTPAnswer {
    var output: [UInt8] = []
    while true {
      while received.count >= 8 {
        let length = Int(received[4]) << 8 | Int(received[5])
        let total = 8 + length + Int(received[6])
        guard received.count >= total else { break }
        let record = received.prefix(total)
        received.removeFirst(total)
        if record[1] == 6 { output += record[8..<8 + length] }
        if record[1] == 3 { return Self.parse(output) }
      }
      let chunk = try socket.receive()
      guard !chunk.isEmpty else { throw Socket.Failure(call: "connection closed", code: 0) }
      received += chunk
    }
  }

  /// Whether the other side has closed the connection, which is waited for; false where something else comes.
  /// - Throws: ``Socket/Failure``, with EAGAIN where nothing comes.
  public func isClosed() throws -> Bool {
    do {
      return try socket.receive(1).isEmpty
    } catch let failure as Socket.Failure where failure.code == ECONNRESET {
      // It was closed with bytes unread.
      return true
    }
  }

  /// An answer as CGI scripts give it. RFC 3875, section 6.
  public static func parse(_ output: [UInt8]) -> HTTPAnswer {
    let end = output.firstRange(of: Array("\r\n\r\n".utf8)) ?? output.endIndex..<output.endIndex
    let fields = String(decoding: output[..<end.lowerBound], as: UTF8.self)
      .components(separatedBy: "\r\n").map { line in
        let colon = line.firstIndex(of: ":") ?? line.endIndex
        return (name: line[..<colon].lowercased(), value: String(line[colon...].dropFirst(2)))
      }
    let status = fields.first { $0.name == "status" }?.value.prefix(3)
    return HTTPAnswer(
      status: status.flatMap { Int($0) } ?? 200, fields: fields, body: Array(output[end.upperBound...]))
  }

  private static func length(_ count: Int) -> [UInt8] {
    if count < 128 { return [UInt8(count)] }
    return [
      UInt8(count >> 24 & 0x7f | 0x80), UInt8(count >> 16 & 0xff), UInt8(count >> 8 & 0xff),
      UInt8(count & 0xff),
    ]
  }

  private static func stream(_ type: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    var records: [UInt8] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      records += record(type, Array(rest.prefix(65535)))
      rest = rest.dropFirst(65535)
    }
    return records + record(type, [])
  }

  private static func record(_ type: UInt8, _ content: [UInt8]) -> [UInt8] {
    [1, type, 0, 1, UInt8(content.count >> 8), UInt8(content.count & 0xff), 0, 0] + content
  }
}
