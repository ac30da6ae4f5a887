import HTTPTypes
import Testing
import Wire

@testable import CGI

/// What each web server makes of a request to our routes, and what must become of it.
@Suite struct RouterTests {
  private let router = Router(
    basePath: "/api/v1/auth",
    routes: [
      Route(.get, "/jwks", lane: .immediate) { _ in .json(Array(#"{"keys":[]}"#.utf8)) },
      Route(.post, "/challenge", lane: .blocking) { _ in .json(Array(#"{"challenge":""}"#.utf8)) },
    ],
    absoluteRoutes: [
      Route(.get, "/.well-known/jwks.json", lane: .immediate) { _ in .json(Array(#"{"keys":[]}"#.utf8)) }
    ],
    report: { _ in Problem(.internalServerError, "reported") })

  private func request(_ variables: [RequestInput: String]) -> Request {
    var all = MetaVariables()
    all[.requestMethod] = "GET"
    for (name, value) in variables { all[name] = value }
    return Request(variables: all)
  }

  private func text(_ response: Response, isHead: Bool = false) -> String {
    String(decoding: response.parts(isHead: isHead).first, as: UTF8.self)
  }

  private func status(_ variables: [RequestInput: String]) -> Int {
    router.respond(to: request(variables)).status.code
  }

  @Test(arguments: [
    // nginx and Apache mod_proxy_fcgi: all in SCRIPT_NAME.
    ["SCRIPT_NAME": "/api/v1/auth/jwks", "CONTENT_LENGTH": ""],
    ["SCRIPT_NAME": "/.well-known/jwks.json"],
    // lighttpd: split after the prefix that matched.
    ["SCRIPT_NAME": "/api/v1/auth", "PATH_INFO": "/jwks", "CONTENT_LENGTH": "0"],
    ["SCRIPT_NAME": "/api", "PATH_INFO": "/v1/auth/jwks"],
    ["SCRIPT_NAME": "", "PATH_INFO": "/api/v1/auth/jwks"],
    ["SCRIPT_NAME": "/.well-known", "PATH_INFO": "/jwks.json"],
    // Apache mod_fcgid: ScriptAlias and PATH_INFO.
    ["SCRIPT_NAME": "/api/v1/auth", "PATH_INFO": "/jwks"],
    ["SCRIPT_NAME": "/auth.fcgi", "PATH_INFO": "/api/v1/auth/jwks"],
    // A plain CGI script.
    ["SCRIPT_NAME": "/cgi-bin/pico-auth.cgi", "PATH_INFO": "/jwks"],
    ["SCRIPT_NAME": "/cgi-bin/pico-auth.cgi", "PATH_INFO": "/api/v1/auth/jwks"],
  ])
  func findsTheRoute(_ variables: [String: String]) {
    let named = Dictionary(
      uniqueKeysWithValues: variables.map { entry in
        (RequestInput.allCases.first { $0.variable == entry.key }!, entry.value)
      })
    #expect(status(named) == 200)
  }

  @Test(arguments: [
    "/api/v1/auth", "/api/v1/auth/", "/api/v1/auth/jwks/", "/api/v1/auth//jwks", "/api/v1/authjwks",
    "/api/v1/auth/JWKS", "/x/api/v1/auth/jwks", "/api/v1/auth/../auth/jwks", "/jwks.json", "",
  ])
  func anyOtherPathIsUnknown(_ path: String) {
    #expect(status([.scriptName: path]) == 404)
  }

  /// A web server closes a path by what the client asked for. Where that lies below the base path, its end isn't taken for
  /// a path of its own.
  @Test(arguments: [
    ("/api/v1/auth", "/api/v1/auth/jwks"), ("/api/v1/auth", "/x/jwks"), ("/api", "/v1/auth/api/v1/auth/jwks"),
    ("/api/v1/auth/x", "/jwks"), ("/api/v1/auth/x", "/api/v1/auth/jwks"), ("/api/v1/auth/jwks", "/jwks"),
    ("", "/api/v1/auth/api/v1/auth/jwks"),
  ])
  func belowTheBasePathOnlyTheWholePathCounts(_ script: String, _ pathInfo: String) {
    #expect(status([.scriptName: script, .pathInfo: pathInfo]) == 404)
  }

  /// Every path lies below an empty base path.
  @Test func withoutABasePathOnlyTheWholePathCounts() {
    let router = Router(
      basePath: "", routes: [Route(.get, "/jwks", lane: .immediate) { _ in .json([]) }],
      report: { _ in Problem(.internalServerError, "reported") })
    func status(_ script: String, _ pathInfo: String) -> Int {
      router.respond(to: request([.scriptName: script, .pathInfo: pathInfo])).status.code
    }
    #expect(status("/jwks", "") == 200)
    #expect(status("", "/jwks") == 200)
    #expect(status("/.well-known/jwks.json", "/jwks") == 404)
  }

  /// A script whose name merely begins like the base path lies elsewhere.
  @Test func aNameThatBeginsLikeTheBasePathLiesElsewhere() {
    #expect(status([.scriptName: "/api/v1/auth.fcgi", .pathInfo: "/jwks"]) == 200)
    #expect(status([.scriptName: "/api/v1/auth.fcgi", .pathInfo: "/api/v1/auth/jwks"]) == 200)
    #expect(status([.scriptName: "/cgi-bin/pico-auth.cgi", .pathInfo: "/x/jwks"]) == 404)
  }

  @Test func aWrongMethodIsToldTheRightOnes() {
    let answer = router.respond(to: request([.scriptName: "/api/v1/auth/jwks", .requestMethod: "DELETE"]))
    #expect(answer.status.code == 405)
    #expect(answer.fields[.allow] == "GET, HEAD")
    let post = router.respond(to: request([.scriptName: "/api/v1/auth/challenge"]))
    #expect(post.fields[.allow] == "POST")
    #expect(status([.scriptName: "/api/v1/auth/jwks", .requestMethod: "G T"]) == 405)
  }

  @Test func headIsAnsweredAsGetWithoutTheBody() {
    let head = request([.scriptName: "/api/v1/auth/jwks", .requestMethod: "HEAD"])
    let text = text(router.respond(to: head), isHead: true)
    #expect(text.contains("Content-Length: 11\r\n"))
    #expect(text.hasSuffix("\r\n\r\n"))
  }

  @Test func everyAnswerIsForbiddenToBeSniffedAndSaysWhetherItMayBeKept() {
    for path in ["/api/v1/auth/jwks", "/nowhere"] {
      let text = text(router.respond(to: request([.scriptName: path])))
      #expect(text.contains("X-Content-Type-Options: nosniff\r\n"))
      #expect(text.contains("Cache-Control: no-store\r\n"))
    }
  }

  @Test func aProblemIsADocument() throws {
    let answer = router.respond(to: request([.scriptName: "/nowhere"]))
    #expect(answer.fields[.contentType] == "application/problem+json")
    let document = try JSONObject(parsing: try answer.collectBody())
    #expect(document["type"]?.string == "about:blank")
    #expect(document["title"]?.string == "Not Found")
    #expect(document["status"]?.integer == 404)
    #expect(document["detail"]?.string == "Not Found")
  }
}
