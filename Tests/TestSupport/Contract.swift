import Wallets
import Wire

/// What answers requests: the library in process, or the program behind a web server.
public protocol AuthBackend: Sendable {
  /// - Parameter path: below the base path; beginning with two slashes: the whole path, behind the first.
  func send(
    _ method: String, _ path: String, fields: [(String, String)], body: [UInt8]?
  ) throws -> HTTPAnswer
}

extension HTTPClient: AuthBackend {}

extension AuthBackend {
  /// Sends a JSON body.
  public func postJSON(_ path: String, _ json: String) throws -> HTTPAnswer {
    try send("POST", path, fields: [("Content-Type", "application/json")], body: Array(json.utf8))
  }

  /// A fresh challenge for an address.
  public func challenge(_ address: String) throws -> String {
    try postJSON("/challenge", #"{"address":"\#(address)"}"#).string("challenge")
  }

  /// The answer to a wallet's request for a challenge, with the message if its scheme has one.
  public func challenge(
    for key: WalletKey, fields: [(String, String)] = [], adding members: String = ""
  ) throws -> WalletMembers {
    let body = #"{"address":"\#(key.address)","algorithm":"\#(key.scheme.name)"\#(members)}"#
    let answer = try send(
      "POST", "/challenge", fields: [("Content-Type", "application/json")] + fields, body: Array(body.utf8))
    return WalletMembers { answer.string($0) }
  }

  /// The whole way of a wallet: a challenge, its signature, the answer.
  public func signIn(
    _ key: WalletKey, changing changes: [String: String?] = [:], query: String = ""
  ) throws -> HTTPAnswer {
    try postJSON("/sign-in" + query, try key.signIn(try challenge(for: key), changing: changes))
  }

  /// Logs the operator of the contract's list in.
  public func login(_ query: String = "", password: String = "correct horse") throws -> HTTPAnswer {
    try postJSON("/login" + query, #"{"email":"ops@example.org","password":"\#(password)"}"#)
  }

  public func refresh(_ token: String) throws -> HTTPAnswer {
    try postJSON("/refresh", #"{"refresh_token":"\#(token)"}"#)
  }

  /// Sends a request with a bearer token or the value of a session's cookie.
  public func send(
    _ method: String, _ path: String, as credential: TestCredential, _ json: String? = nil,
    fields: [(String, String)] = []
  ) throws -> HTTPAnswer {
    let type = json == nil ? [] : [("Content-Type", "application/json")]
    return try send(
      method, path, fields: credential.fields + type + fields, body: json.map { Array($0.utf8) })
  }

  /// Sends a form.
  public func postForm(
    _ path: String, _ form: String, fields: [(String, String)] = []
  ) throws -> HTTPAnswer {
    try send(
      "POST", path, fields: [("Content-Type", "application/x-www-form-urlencoded")] + fields,
      body: Array(form.utf8))
  }
}

/// What a test's request is allowed by.
public enum TestCredential: Sendable {
  case bearer(String)
  /// The value of the cookie `__Host-pico`.
  case cookie(String)
  case nobody

  var fields: [(String, String)] {
    switch self {
    case .bearer(let token): [("Authorization", "Bearer \(token)")]
    case .cookie(let value): [("Cookie", "__Host-pico=\(value)")]
    case .nobody: []
    }
  }
}

/// Requests that must be refused, and how: the same list for every way to reach the routes. The settings
/// must allow login for `ops@example.org` with `correct horse`.
public struct BadRequest: Sendable, CustomStringConvertible {
  public let description: String
  public let method: String
  public let path: String
  public let fields: [(String, String)]
  public let body: String?
  public let status: Int
  /// What the detail must contain.
  public let detail: String

  init(
    _ path: String, _ body: String?, _ status: Int, _ detail: String, method: String = "POST",
    fields: [(String, String)] = [("Content-Type", "application/json")]
  ) {
    self.method = method
    self.path = path
    self.fields = fields
    self.body = body
    self.status = status
    self.detail = detail
    description = "\(method) \(path) \((body ?? "").prefix(60)) \(fields.map(\.1))"
  }

  private static let attempt =
    #""address":"aa","public_key":"aa","signature":"aa","challenge":"\#(String(repeating: "0", count: 64))""#

  private static let account = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"

  public static let all: [BadRequest] = [
    BadRequest("/nowhere", nil, 404, "Not Found", method: "GET", fields: []),
    BadRequest("//elsewhere", nil, 404, "Not Found", method: "GET", fields: []),
    BadRequest("/challenge", nil, 405, "Method Not Allowed", method: "GET", fields: []),
    BadRequest("/jwks", "{}", 405, "Method Not Allowed"),
    BadRequest("/sign-in", "{}", 405, "Method Not Allowed", method: "PUT"),

    BadRequest("/challenge", "", 400, "JSON"),
    BadRequest("/challenge", "{", 400, "JSON"),
    BadRequest("/challenge", "[]", 400, "JSON"),
    BadRequest("/challenge", #"{"address":"a","address":"b"}"#, 400, "JSON"),
    BadRequest("/challenge", #"{"address":"a",}"#, 400, "JSON"),
    BadRequest("/challenge", #"{"address":"a"} {}"#, 400, "JSON"),
    BadRequest("/challenge", "\u{feff}{\"address\":\"a\"}", 400, "JSON"),
    BadRequest("/challenge", "{}", 400, "address required"),
    BadRequest("/challenge", #"{"address":""}"#, 400, "address required"),
    BadRequest("/challenge", #"{"address":7}"#, 400, "address must be a string"),
    BadRequest("/challenge", #"{"address":null}"#, 400, "address must be a string"),
    BadRequest(
      "/challenge", #"{"address":"a"}"#, 415, "application/json", fields: [("Content-Type", "text/plain")]),
    BadRequest(
      "/challenge", #"{"address":"\#(String(repeating: "a", count: 65536))"}"#, 413, "larger than 65536"),

    BadRequest("/sign-in", "{}", 400, "address, public_key, signature, and challenge required"),
    BadRequest(
      "/sign-in", #"{\#(attempt),"signature2":""}"#.replacing(#""signature":"aa","#, with: ""), 400,
      "address, public_key, signature, and challenge required"),
    BadRequest(
      "/sign-in", "{\(attempt)}".replacing(#""signature":"aa""#, with: #""signature":7"#), 400,
      "signature must be a string"),
    BadRequest(
      "/sign-in", "{\(attempt)}".replacing(#""public_key":"aa""#, with: #""public_key":"xyz""#), 400, "hex"),
    BadRequest(
      "/sign-in", "{\(attempt)}".replacing(#""signature":"aa""#, with: #""signature":"a""#), 400, "hex"),
    BadRequest(
      "/sign-in", #"{\#(attempt),"algorithm":"RSA"}"#, 400, "unsupported wallet algorithm: RSA"),
    BadRequest("/sign-in", #"{\#(attempt),"algorithm":"ed25519"}"#, 400, "unsupported wallet algorithm"),
    BadRequest("/sign-in", #"{\#(attempt),"algorithm":1}"#, 400, "algorithm must be a string"),
    BadRequest("/sign-in", "{\(attempt)}", 401, "invalid or expired challenge"),

    BadRequest(
      "/challenge", #"{"address":"a","algorithm":"EIP-191"}"#, 400, "unsupported wallet algorithm: EIP-191"),
    BadRequest("/challenge", #"{"address":"a","algorithm":7}"#, 400, "algorithm must be a string"),
    BadRequest(
      "/challenge", #"{"address":"a","algorithm":"EIP-4361"}"#, 400, "address must be 40 hex digits"),
    BadRequest(
      "/challenge", #"{"address":"a","algorithm":"SIWS"}"#, 400, "address must be 32 bytes in base58"),
    BadRequest(
      "/challenge", #"{"address":"\#(account)","algorithm":"EIP-4361","chain_id":5}"#, 400,
      "chain_id is not in ethereum_chain_ids"),
    BadRequest(
      "/challenge", #"{"address":"\#(account)","algorithm":"EIP-4361","uri":"https://evil.example"}"#, 400,
      "origin is not in site_origins"),
    BadRequest(
      "/challenge", #"{"address":"\#(account)","algorithm":"EIP-4361"}"#, 400,
      "origin is not in site_origins",
      fields: [("Content-Type", "application/json"), ("Origin", "https://evil.example")]),
    BadRequest(
      "/sign-in", #"{"address":"\#(account)","algorithm":"EIP-4361"}"#, 400,
      "address, signature, challenge, and message required"),
    BadRequest(
      "/sign-in", #"{\#(attempt),"message":"a","algorithm":"SIWS"}"#, 400,
      "address must be 32 bytes in base58"),
    BadRequest(
      "/sign-in",
      #"{"address":"\#(account)","signature":"aa","challenge":"a","message":"a","algorithm":"EIP-4361"}"#,
      400,
      "message is malformed: domain"),
    BadRequest(
      "/sign-in", #"{\#(attempt),"message":"a","algorithm":"Solana-raw"}"#, 400,
      "unsupported wallet algorithm: Solana-raw"),

    BadRequest("/login", "{}", 401, "invalid credentials"),
    BadRequest(
      "/login", #"{"email":"ops@example.org","password":"wrong"}"#, 401, "invalid credentials"),
    BadRequest(
      "/login", #"{"email":"no@example.org","password":"correct horse"}"#, 401, "invalid credentials"),
    BadRequest("/login", #"{"email":"ops@example.org","password":7}"#, 400, "password must be a string"),

    BadRequest("/refresh", "{}", 400, "refresh_token required"),
    BadRequest("/refresh", #"{"refresh_token":""}"#, 400, "refresh_token required"),
    BadRequest("/refresh", #"{"refresh_token":["x"]}"#, 400, "refresh_token must be a string"),
    BadRequest("/refresh", #"{"refresh_token":"x"}"#, 401, "refresh invalid: "),
    BadRequest("/refresh", #"{"refresh_token":"a.b.c"}"#, 401, "refresh invalid: "),
  ]
}
