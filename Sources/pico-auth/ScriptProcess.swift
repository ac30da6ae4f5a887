import AuthServer
import CGI
import Glibc
import POSIX
import Stores

/// A CGI script: one request from the environment and standard input, its answer to standard output.
enum ScriptProcess {
  static func run() -> Never {
    ProcessMemory.hide()
    // A web server that reads neither the log nor the answer any more is an error to tell, not the end.
    signal(SIGPIPE, SIG_IGN)
    let logger = Program.makeLogger()
    let body = StandardInputBody()
    let request = Request(
      variables: MetaVariables(environment: ProcessEnvironment.entries), body: body)
    let response: Response
    do {
      response = try Program.server(isLasting: false, logger: logger).respond(to: request)
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

/// The body of a CGI request. RFC 3875, section 4.2: no more than CONTENT_LENGTH bytes may be read, as a
/// server need not end its standard input. A script has one thread.
private final class StandardInputBody: RequestBody, @unchecked Sendable {
  /// How much of a body that no route wanted is read. Bytes.
  private static let drainLimit = 1 << 20

  private var taken = 0

  func read(limit: Int, expected: Int?) throws(BodyError) -> [UInt8] {
    let isChunked = getenv("HTTP_TRANSFER_ENCODING") != nil
    return take(expected ?? (isChunked ? limit + 1 : 0))
  }

  /// Reads what nobody read: some servers take it for a failure if they can't get rid of a body.
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
