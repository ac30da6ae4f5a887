import AuthServer
import CGI
import Foundation
import HTTPTypes
import Logging
import POSIX
import Stores
import TestSupport
import Tokens

/// The routes in this process, on files in a folder of their own.
struct InProcess: AuthBackend {
  static let key = try! SigningKey.generate(kid: "pico-server-auth-1")

  let folder = TemporaryFolder()
  let clock = ManualClock()
  let log = LogRecorder()
  let server: AuthService

  init(_ change: (inout Settings) -> Void = { _ in }) {
    var settings = Settings()
    settings.stateFolder = folder.path
    settings.allowsPasswordLogin = true
    settings.adminEmail = "ops@example.org"
    settings.adminPassword = "correct horse"
    change(&settings)
    let logger = log.logger
    let stores = StoreBackend.open(settings, clock: clock.clock, logger: logger)
    try! stores.revocations.prepare()
    server = AuthService(
      settings: settings, keys: try! KeyRing(keys: [Self.key]), stores: stores, clock: clock.clock,
      logger: logger)
  }

  func send(
    _ method: String, _ path: String, fields: [(String, String)] = [], body: [UInt8]? = nil
  ) -> HTTPAnswer {
    send(method, path, fields: fields, body: body, from: "127.0.0.1")
  }

  func send(
    _ method: String, _ path: String, fields: [(String, String)], body: [UInt8]?, from address: String
  ) -> HTTPAnswer {
    var httpFields = HTTPFields()
    for (name, value) in fields { httpFields.append(HTTPField(name: .init(name)!, value: value)) }
    let target = path.hasPrefix("//") ? String(path.dropFirst()) : "/api/v1/auth" + path
    let response = server.respond(
      to: Request(
        method: .init(method)!, target: target, fields: httpFields, body: body ?? [],
        remoteAddress: address))
    return HTTPAnswer(
      status: response.status.code,
      fields: response.fields.map { ($0.name.canonicalName, $0.value) },
      body: (try? response.collectBody()) ?? [])
  }

  /// The claims of a token, its signature not looked at.
  func claims(_ token: String) throws -> [String: Any] {
    let parts = token.split(separator: ".")
    var text = parts[1].replacingOccurrences(of: "-", with: "+")
      .replacingOccurrences(of: "_", with: "/")
    while !text.count.isMultiple(of: 4) { text += "=" }
    return try JSONSerialization.jsonObject(with: Data(base64Encoded: text)!) as! [String: Any]
  }
}
