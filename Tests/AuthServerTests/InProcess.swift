import AuthServer
import CGI
import Foundation
import HTTPTypes
import Logging
import POSIX
import Stores
import TestSupport
import Testing
import Tokens

/// The routes in this process, on files in a folder of their own.
struct InProcess: AuthBackend {
  private static let generated = Result { () throws(KeyError) in
    try SigningKey.generate(kid: "pico-server-auth-1")
  }

  /// One for all tests, as it takes a while to make.
  static var key: SigningKey { get throws { try generated.get() } }

  let folder: TemporaryFolder
  let clock: ManualClock
  let log = LogRecorder()
  let stores: StoreSet
  let server: AuthService
  let settings: Settings

  init(_ change: (inout Settings) -> Void = { _ in }) throws {
    folder = TemporaryFolder()
    clock = ManualClock()
    var settings = Settings()
    settings.stateFolder = folder.path
    settings.allowsPasswordLogin = true
    settings.adminEmail = "ops@example.org"
    settings.adminPassword = "correct horse"
    change(&settings)
    let logger = log.logger
    self.settings = settings
    stores = StoreBackend.open(settings, clock: clock.clock, logger: logger)
    try stores.revocations.prepare()
    server = AuthService(
      settings: settings, keys: try KeyRing(keys: [Self.key]), stores: stores, clock: clock.clock,
      logger: logger)
  }

  /// The same installation after a reload with other settings: the same stores, and the same time.
  /// - Parameter replace: replaces some of the stores.
  init(
    like other: InProcess, _ change: (inout Settings) -> Void = { _ in },
    stores replace: (inout StoreSet) -> Void = { _ in }
  ) throws {
    (folder, clock) = (other.folder, other.clock)
    var stores = other.stores
    replace(&stores)
    self.stores = stores
    var settings = other.settings
    change(&settings)
    self.settings = settings
    server = AuthService(
      settings: settings, keys: try KeyRing(keys: [Self.key]), stores: stores, clock: clock.clock,
      logger: log.logger)
  }

  func send(
    _ method: String, _ path: String, fields: [(String, String)] = [], body: [UInt8]? = nil
  ) -> HTTPAnswer {
    send(method, path, fields: fields, body: body, from: "127.0.0.1")
  }

  func send(
    _ method: String, _ path: String, fields: [(String, String)], body: [UInt8]?, from address: String,
    parameters: [RequestInput: String] = [:]
  ) -> HTTPAnswer {
    var httpFields = HTTPFields()
    for (name, value) in fields {
      guard let name = HTTPField.Name(name) else { return unsendable("field \(name)") }
      httpFields.append(HTTPField(name: name, value: value))
    }
    guard let method = HTTPRequest.Method(method) else { return unsendable("method \(method)") }
    let target = path.hasPrefix("//") ? String(path.dropFirst()) : "/api/v1/auth" + path
    let request = Request(
      method: method, target: target, fields: httpFields, body: body ?? [], remoteAddress: address)
    var variables = request.variables
    for (input, value) in parameters { variables[input] = value }
    let response = server.respond(to: Request(variables: variables, body: BytesBody(body ?? [])))
    var body: [UInt8] = []
    do {
      body = try response.collectBody()
    } catch {
      Issue.record(error)
    }
    return HTTPAnswer(
      status: response.status.code, fields: response.fields.map { ($0.name.canonicalName, $0.value) },
      body: body)
  }

  private func unsendable(_ what: String) -> HTTPAnswer {
    Issue.record("no HTTP message has the \(what)")
    return HTTPAnswer(status: 0, fields: [], body: [])
  }

  /// The claims of a token, its signature not looked at.
  func claims(_ token: String) throws -> [String: Any] {
    let parts = token.split(separator: ".")
    try #require(parts.count == 3, "no token: \(token)")
    var text = parts[1].replacingOccurrences(of: "-", with: "+")
      .replacingOccurrences(of: "_", with: "/")
    while !text.count.isMultiple(of: 4) { text += "=" }
    let payload = try #require(Data(base64Encoded: text))
    return try #require(try JSONSerialization.jsonObject(with: payload) as? [String: Any])
  }

  /// The `jti` of a token.
  func tokenID(_ token: String) throws -> String { try #require(try claims(token)["jti"] as? String) }

  /// How long a token with these claims lasts. Seconds.
  func lifetime(_ claims: [String: Any]) throws -> Int {
    try #require(claims["exp"] as? Int) - #require(claims["iat"] as? Int)
  }
}
