import TestSupport
import Testing
import Wallets

/// The program as libfcgi's own client, `cgi-fcgi`, sees it: that is a CGI program that hands its request on.
@Suite(.serialized) struct CGIFCGITests {
  private let folder = TemporaryFolder()

  /// What a web server starts for a request, and what that prints.
  private struct CGIFCGI: AuthBackend {
    let socket: String

    func send(
      _ method: String, _ path: String, fields: [(String, String)], body: [UInt8]?
    ) throws -> HTTPAnswer {
      let result = try run(method, path, fields: fields, body: body)
      #expect(result.status == 0)
      #expect(result.errors.isEmpty, "\(result.errors)")
      return FastCGIClient.parse(Array(result.output.utf8))
    }

    func run(
      _ method: String, _ path: String, fields: [(String, String)] = [], body: [UInt8]? = nil
    ) throws -> CommandResult {
      var environment = [
        "REQUEST_METHOD": method, "REMOTE_ADDR": "127.0.0.1", "GATEWAY_INTERFACE": "CGI/1.1",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SCRIPT_NAME": path.hasPrefix("//") ? String(path.dropFirst()) : "/api/v1/auth" + path,
      ]
      if let body { environment["CONTENT_LENGTH"] = "\(body.count)" }
      for (name, value) in fields {
        let variable = name.uppercased().replacing("-", with: "_")
        environment[variable == "CONTENT_TYPE" ? variable : "HTTP_" + variable] = value
      }
      return try Tool.run(
        ["cgi-fcgi", "-bind", "-connect", socket], environment: environment,
        input: String(decoding: body ?? [], as: UTF8.self))
    }
  }

  @Test func aWalletSignsIn() throws {
    let backend = try Backend(in: folder)
    let client = CGIFCGI(socket: backend.socket)
    let keySet = try client.send("GET", "/jwks", fields: [], body: nil)
    #expect(keySet.status == 200)
    #expect(keySet.body == (try FastCGIClient(unix: backend.socket).get("/jwks").body))
    for scheme in WalletSchemes.all {
      let answer = try client.signIn(try WalletKey(scheme))
      #expect(answer.status == 200, "\(scheme.name): \(answer.text)")
      #expect(try claims(of: answer.string("access_token"))["role"]?.string == "wallet")
    }
  }

  @Test func refusalsComeThrough() throws {
    let backend = try Backend(in: folder)
    let client = CGIFCGI(socket: backend.socket)
    for request in BadRequest.all {
      let answer = try client.send(
        request.method, request.path, fields: request.fields, body: request.body.map { Array($0.utf8) })
      #expect(answer.status == request.status, "\(request)")
    }
  }

  /// Larger than `max_request_body_bytes`.
  @Test func aLongBodyIsRefused() throws {
    let backend = try Backend(in: folder)
    let client = CGIFCGI(socket: backend.socket)
    for size in [70_000, 250_000] {
      let body = [UInt8](repeating: 0x20, count: size)
      let answer = try client.send("POST", "/challenge", fields: [], body: body)
      #expect(answer.status == 413)
    }
  }

  @Test func withoutAWorkerItFails() throws {
    #expect(try CGIFCGI(socket: folder.file("nowhere")).run("GET", "/jwks").status != 0)
  }
}
