import AuthServer
import CGI
import Glibc
import POSIX

/// A CGI script: one request from the environment and standard input, its answer to standard output.
enum ScriptProcess {
  static func run() -> Never {
    let logger = Program.makeLogger()
    let request = Request(
      variables: MetaVariables(environment: ProcessEnvironment.entries), body: StandardInputBody())
    let response: Response
    do {
      response = try Program.server(logger: logger).respond(to: request)
    } catch {
      logger.critical("script can't start", metadata: ["reason": "\(error)"])
      response = Problem(.internalServerError, "server misconfigured").response
    }
    let answer = response.serialized(isHead: request.method == .head)
    do {
      try FileHandle.standardOutput.writeNext(answer)
      exit(0)
    } catch {
      logger.error("answer not sent", metadata: ["reason": "\(error)"])
      exit(1)
    }
  }
}

/// The body of a CGI request. RFC 3875, section 4.2: no more than CONTENT_LENGTH bytes may be read, as a
/// server need not end its standard input.
private struct StandardInputBody: RequestBody {
  func read(limit: Int, expected: Int?) throws(BodyError) -> [UInt8] {
    let isChunked = getenv("HTTP_TRANSFER_ENCODING") != nil
    var rest = expected ?? (isChunked ? limit + 1 : 0)
    var bytes: [UInt8] = []
    while rest > 0 {
      guard let chunk = try? FileHandle.standardInput.readNext(count: min(rest, 65536)), !chunk.isEmpty else { break }
      bytes += chunk
      rest -= chunk.count
    }
    return bytes
  }
}
