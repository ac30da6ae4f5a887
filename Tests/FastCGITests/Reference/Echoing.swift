import CGI

@testable import FastCGI

/// A handler that answers with what it was given, as the reference responder does with what libfcgi gave it.
enum Echoing {
  @Sendable static func work(_ request: Request, _ role: Role) -> Work {
    // Both ways through the loop.
    let lane: Lane = (request.variables[.contentLength] ?? "").utf8.count % 2 == 0 ? .immediate : .blocking
    return Work(lane: lane) { .response(response(to: request, role)) }
  }

  /// What is answered to a request.
  static func response(to request: Request, _ role: Role) -> Response {
    var echo: [UInt8] = Array(role == .authorizer ? "A\n".utf8 : "R\n".utf8)
    for name in RequestInput.allCases {
      if let value = request.variables[name] { appendCounted("\(name.variable)=\(value)".utf8, to: &echo) }
    }
    echo += Array("-\n\(request.variables.unknownRequirement ?? "")".utf8)
    do throws(BodyError) {
      appendCounted(role == .authorizer ? [] : try request.body(limit: 262_144), to: &echo)
    } catch {
      echo += Array("\(error)".utf8)
    }
    let pattern = pattern(request.variables[.queryString] ?? "")
    guard pattern.count % 3 == 1 else { return Response(body: .bytes(echo + pattern)) }
    // In pieces of all sizes, as long answers are sent.
    var rest = (echo + pattern)[...]
    var size = 0
    return Response(
      body: .stream(
        BodyStream {
          guard !rest.isEmpty else { return nil }
          size = (size * 5 + 1) % 70_000
          defer { rest = rest.dropFirst(size) }
          return Array(rest.prefix(size))
        }))
  }

  /// The bytes of standard output that are to come of that.
  static func output(to request: Request, _ role: Role) throws -> [UInt8] {
    let (first, stream) = response(to: request, role).parts(isHead: false)
    var output = first
    while let piece = try stream?.next() { output += piece }
    return output
  }

  /// The bytes that a query `answer=COUNT` asks for.
  private static func pattern(_ query: String) -> [UInt8] {
    guard query.hasPrefix("answer="), let count = Int(query.dropFirst("answer=".count)) else { return [] }
    return Array(longPattern[..<count])
  }

  static let longestPattern = 200_000
  private static let longPattern = (0..<longestPattern).map { UInt8(truncatingIfNeeded: $0 * 31 + $0 >> 8) }

  private static func appendCounted(_ bytes: some Collection<UInt8>, to echo: inout [UInt8]) {
    echo += Array("\(bytes.count)\n".utf8)
    echo.append(contentsOf: bytes)
  }
}
