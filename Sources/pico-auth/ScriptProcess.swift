import AuthServer
import CGI
import Glibc
import POSIX
import Stores

/// The run mode of a CGI script: it reads one request from the environment and standard input, and writes the answer
/// to standard output. RFC 3875, sections 4 and 6.
enum ScriptProcess {
  static func run() -> Never {
    ProcessMemory.hide()
    // If the web server has closed standard output or standard error, a write fails with EPIPE. The signal would kill
    // the process.
    signal(SIGPIPE, SIG_IGN)
    let logger = Program.makeLogger()
    let body = StandardInputBody()
    let request = Request(
      variables: MetaVariables(environment: ProcessEnvironment.entries), body: body)
    let response: Response
    do {
      response = try Program.server(
        try Program.configuration().settings, isLasting: false, logger: logger
      ).respond(to: request)
    } catch let error as StoreError {
      response = FailureAnswers(logger: logger).problem(for: error).response
    } catch {
      logger.critical("script can't start", metadata: ["reason": "\(error)"])
      response = Problem(.internalServerError, "server misconfigured").response
    }
    do {
      let (first, rest) = response.parts(isHead: request.method == .head)
      try FileHandle.standardOutput.writeNext(first)
      while let piece = try rest?.next() { try FileHandle.standardOutput.writeNext(piece) }
      body.drain(declared: request.variables[.contentLength].flatMap { Int($0) } ?? 0)
      exit(0)
    } catch {
      logger.error("answer not sent", metadata: ["reason": "\(error)"])
      exit(1)
    }
  }
}

/// The body of a CGI request. It reads at most CONTENT_LENGTH bytes, because a web server need not close standard
/// input. RFC 3875, section 4.2.
///
/// A script has one thread, so the class needs no lock.
private final class StandardInputBody: RequestBody, @unchecked Sendable {
  /// The most bytes that ``drain(declared:)`` reads in all. Bytes.
  private static let drainLimit = 1 << 20

  private var taken = 0

  func read(limit: Int, expected: Int?) throws(BodyError) -> [UInt8] {
    let isChunked = getenv("HTTP_TRANSFER_ENCODING") != nil
    return take(expected ?? (isChunked ? limit + 1 : 0))
  }

  /// Reads the rest of a body that no route has read. Some web servers report a failure if they can't send the whole
  /// body.
  /// - Parameter declared: the value of Content-Length. Bytes.
  func drain(declared: Int) {
    _ = take(min(declared, Self.drainLimit) - taken)
  }

  private func take(_ count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
      let next = min(count - bytes.count, 65536)
      guard let chunk = try? FileHandle.standardInput.readNext(count: next), !chunk.isEmpty else {
        break
      }
      bytes += chunk
    }
    taken += bytes.count
    return bytes
  }
}
