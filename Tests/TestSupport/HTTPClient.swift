import Foundation
import Wire

/// An answer as it came over the wire.
public struct HTTPAnswer: Sendable {
  public let status: Int
  /// Names in lower case, in order.
  public let fields: [(name: String, value: String)]
  public let body: [UInt8]

  public init(status: Int, fields: [(name: String, value: String)], body: [UInt8]) {
    self.status = status
    self.fields = fields
    self.body = body
  }

  public subscript(name: String) -> String? { fields.first { $0.name == name }?.value }

  public var text: String { String(decoding: body, as: UTF8.self) }

  /// The value of a cookie that the answer sets; nil where it sets none of that name.
  public func cookie(_ name: String) -> String? {
    for field in fields where field.name == "set-cookie" && field.value.hasPrefix(name + "=") {
      return String(field.value.dropFirst(name.count + 1).prefix { $0 != ";" })
    }
    return nil
  }

  /// The body as a JSON object.
  public func json() throws -> JSONObject { try JSONObject(parsing: body) }

  /// A string member of the JSON body; empty where there is none.
  public func string(_ name: String) -> String { (try? json()[name]?.string) ?? "" }

  /// The wording of a problem document.
  public var detail: String { string("detail") }
}

/// A plain HTTP/1.1 client that sends exactly what it is told, however wrong.
public struct HTTPClient: Sendable {
  public let port: Int
  public let base: String
  private let source: String

  /// - Parameter source: the address of this host that the server is to see.
  public init(port: Int, base: String = "/api/v1/auth", from source: String = "127.0.0.1") {
    self.port = port
    self.base = base
    self.source = source
  }

  /// Sends a request on a connection of its own.
  public func send(
    _ method: String, _ path: String, fields: [(String, String)] = [], body: [UInt8]? = nil
  ) throws -> HTTPAnswer {
    try send(method, path, fields: fields, body: body, raw: "")
  }

  /// - Parameters:
  ///   - path: below the base unless it begins with two slashes, the first of which is dropped then, or is in absolute
  ///     form.
  ///   - raw: what is sent behind the head where there is no body, such as chunks.
  public func send(
    _ method: String, _ path: String, fields: [(String, String)], body: [UInt8]?, raw: String
  ) throws -> HTTPAnswer {
    let isWhole = path.hasPrefix("http://")
    let target = isWhole ? path : path.hasPrefix("//") ? String(path.dropFirst()) : base + path
    var head = "\(method) \(target) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    for (name, value) in fields { head += "\(name): \(value)\r\n" }
    if let body, !fields.contains(where: { $0.0.lowercased() == "content-length" }) {
      head += "Content-Length: \(body.count)\r\n"
    }
    let socket = try Socket(port: port, from: source)
    try socket.send(Array((head + "\r\n").utf8) + (body ?? Array(raw.utf8)))
    return try Self.read(from: socket, isHead: method == "HEAD")
  }

  public func get(_ path: String, fields: [(String, String)] = []) throws -> HTTPAnswer {
    try send("GET", path, fields: fields)
  }

  /// Sends a JSON body.
  public func post(
    _ path: String, _ json: String, fields: [(String, String)] = []
  ) throws -> HTTPAnswer {
    try send(
      "POST", path, fields: [("Content-Type", "application/json")] + fields, body: Array(json.utf8))
  }

  private static func read(from socket: Socket, isHead: Bool) throws -> HTTPAnswer {
    var bytes: [UInt8] = []
    while case let chunk = try socket.receive(), !chunk.isEmpty { bytes += chunk }
    guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else {
      throw Socket.Failure(call: "answer ended early", code: 0)
    }
    let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self)
      .components(separatedBy: "\r\n")
    let fields = lines.dropFirst().map { line in
      let colon = line.firstIndex(of: ":") ?? line.endIndex
      return (
        name: line[..<colon].lowercased(),
        value: line[colon...].dropFirst().trimmingCharacters(in: .whitespaces)
      )
    }
    var body = Array(bytes[end.upperBound...])
    if fields.contains(where: { $0.name == "transfer-encoding" && $0.value == "chunked" }) {
      body = dechunk(body)
    }
    return HTTPAnswer(
      status: Int(lines[0].split(separator: " ")[1]) ?? 0, fields: fields, body: body)
  }

  private static func dechunk(_ bytes: [UInt8]) -> [UInt8] {
    var rest = bytes[...]
    var body: [UInt8] = []
    while let end = rest.firstRange(of: Array("\r\n".utf8)),
      let size = Int(String(decoding: rest[..<end.lowerBound], as: UTF8.self), radix: 16), size > 0
    {
      body += rest[end.upperBound...].prefix(size)
      rest = rest[end.upperBound...].dropFirst(size + 2)
    }
    return body
  }
}
