import TestSupport

/// `Tests/Peers/reference_responder.c` on libfcgi, built and running.
final class ReferenceResponder: Sendable {
  struct BuildFailure: Error { let errors: String }
  struct StartFailure: Error { let log: String }

  let path: String
  private let child: Child

  /// - Parameter processes: how many connections it serves at a time.
  init(in folder: TemporaryFolder, processes: Int) throws {
    let program = folder.file("reference_responder")
    let source = "\(WebServer.project)/Tests/Peers/reference_responder.c"
    let built = try Tool.run(["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program, source, "-lfcgi"])
    guard built.status == 0 else { throw BuildFailure(errors: built.errors) }
    let path = folder.file("reference.sock")
    let child = try Child([program, path, "\(processes)"], log: folder.file("reference.log"))
    guard eventually(within: 10, { (try? Socket(unix: path)) != nil || !child.isRunning }), child.isRunning
    else { throw StartFailure(log: child.output) }
    self.path = path
    self.child = child
  }

  /// What it was given, as its answer tells.
  struct Echo {
    let role: UInt8
    /// `NAME=VALUE`, each cut at its first NUL.
    let parameters: [[UInt8]]
    /// Whether reading the body ended with an error.
    let isBrokenOff: Bool
    let body: [UInt8]
    /// All of the answer's body.
    let bytes: [UInt8]

    /// - Parameter output: standard output of one request.
    init?(_ output: [UInt8]) {
      guard let head = output.firstRange(of: Array("\r\n\r\n".utf8)), head.upperBound + 2 <= output.count
      else { return nil }
      bytes = Array(output[head.upperBound...])
      var rest = bytes[...]
      role = bytes[0]
      rest = rest.dropFirst(2)
      var parameters: [[UInt8]] = []
      while let byte = rest.first, byte != UInt8(ascii: "-") {
        guard let text = Self.counted(&rest) else { return nil }
        parameters.append(text)
      }
      self.parameters = parameters
      isBrokenOff = rest.dropFirst(2).first == UInt8(ascii: "e")
      rest = rest.dropFirst(3)
      guard let body = Self.counted(&rest) else { return nil }
      self.body = body
    }

    private static func counted(_ rest: inout ArraySlice<UInt8>) -> [UInt8]? {
      guard let end = rest.prefix(10).firstIndex(of: UInt8(ascii: "\n")),
        let count = Int(String(decoding: rest[..<end], as: UTF8.self)), rest.endIndex - end > count
      else { return nil }
      rest = rest[(end + 1)...]
      defer { rest = rest.dropFirst(count) }
      return Array(rest.prefix(count))
    }
  }
}
