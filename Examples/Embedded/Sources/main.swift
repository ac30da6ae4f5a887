import AuthServer
import CGI
import FlyingFox
import Foundation
import Gate
import HTTPTypes
import Logging
import POSIX
import Tokens

// An application that contains pico-auth: the routes of pico-auth and its own in one program, on an HTTP server of its choice.
// Usage: embedded PORT STATE_FOLDER

let port = UInt16(CommandLine.arguments[1])!
var settings = Settings()
settings.stateFolder = CommandLine.arguments[2]
settings.issuer = "http://127.0.0.1:\(port)"

let logger = Logger(label: "embedded")
let keys = try KeyFiles(path: settings.effectiveKeyPath, passphrase: nil).load()
let stores = StoreBackend.open(settings, clock: .system, logger: logger)
try stores.revocations.prepare()
let auth = AuthService(settings: settings, keys: keys, stores: stores, logger: logger)

/// Converts the HTTP server's request to the library's.
func libraryRequest(_ request: FlyingFox.HTTPRequest) async throws -> CGI.Request {
  var fields = HTTPFields()
  for (header, value) in request.headers {
    if let name = HTTPField.Name(header.rawValue) { fields.append(HTTPField(name: name, value: value)) }
  }
  let query = request.target.query()
  return CGI.Request(
    method: .init(request.method.rawValue) ?? .get, target: request.path + (query.isEmpty ? "" : "?" + query),
    fields: fields, body: [UInt8](try await request.bodyData), remoteAddress: request.remoteIPAddress ?? "")
}

/// Converts the library's answer to the HTTP server's.
func serverResponse(_ response: CGI.Response) throws -> FlyingFox.HTTPResponse {
  var headers = HTTPHeaders()
  for field in response.fields { headers.addValue(field.value, for: HTTPHeader(field.name.rawName)) }
  let status = HTTPStatusCode(response.status.code, phrase: response.status.reasonPhrase)
  return HTTPResponse(statusCode: status, headers: headers, body: Data(try response.collectBody()))
}

/// Runs work that waits for the disk or computes for long, on a thread where it delays no task.
func blocking<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    DispatchQueue.global().async { continuation.resume(with: Result(catching: work)) }
  }
}

let server = HTTPServer(address: try .inet(ip4: "127.0.0.1", port: port))

// The routes of pico-auth.
for path in ["\(settings.basePath)/*"] + WellKnownPaths(issuer: settings.issuer).all {
  await server.appendRoute(HTTPRoute("GET,HEAD,POST,DELETE \(path)")) { request in
    let request = try await libraryRequest(request)
    return try await blocking { try serverResponse(auth.respond(to: request)) }
  }
}

// The application's own route, for wallets only.
await server.appendRoute("GET /reports") { request in
  let request = try await libraryRequest(request)
  return try await blocking {
    do {
      let identity = try auth.gate.admit(request, requiring: Requirements(roles: ["wallet"]))
      return HTTPResponse(statusCode: .ok, body: Data("Reports for \(identity.claims.subject ?? "")\n".utf8))
    } catch let problem as Problem {
      return try serverResponse(problem.response)
    }
  }
}

try await server.run()
