import AuthServer
import DeploymentTemplates
import TestSupport
import Testing

/// The documents outside of the base path: where they are, and that every web server passes on requests for them.
@Suite struct WellKnownPathTests {
  @Test(arguments: [
    ("https://example.org", ""), ("https://example.org/", ""), ("http://localhost:8100", ""),
    ("https://example.org/auth", "/auth"), ("https://example.org/a/b//", "/a/b"),
    ("https://example.org/auth?x=/y", "/auth"), ("https://example.org#/x", ""),
    // No URLs.
    ("pico", ""), ("urn:example:auth", ""), ("a/b", ""),
  ])
  func theIssuersPathIsWhereEachRFCPutsIt(_ issuer: String, _ path: String) {
    let paths = WellKnownPaths(issuer: issuer)
    #expect(paths.authorizationServer == "/.well-known/oauth-authorization-server\(path)")
    #expect(paths.openIDConfiguration == "\(path)/.well-known/openid-configuration")
    #expect(paths.keySet == "/.well-known/jwks.json")
  }

  /// Spaces, quotes and the like would be something else in a server's language.
  @Test(arguments: [
    ("nginx", "pico-auth-locations.conf", "location = PATH {"),
    ("lighttpd", "pico-auth-cgi.conf", "\"PATH\" => "),
    ("apache", "pico-auth-proxy.conf", "ProxyPass \"PATH\" "),
  ])
  func theServersKnowTheIssuersPath(_ target: String, _ file: String, _ line: String) throws {
    func print(_ issuer: String) throws -> CommandResult {
      try Tool.run(
        [Tool.picoAuth, "print-config", target, file], environment: ["SERVER_AUTH_ISSUER": issuer])
    }
    let text = try print("https://example.org/id").output
    for path in ["/.well-known/oauth-authorization-server/id", "/id/.well-known/openid-configuration"] {
      #expect(text.contains(line.replacing("PATH", with: path)), "\(path)\n\(text)")
    }
    let refused = try print("https://example.org/i;d")
    #expect(refused.status != 0)
    #expect(refused.errors.contains("issuer"), "\(refused.errors)")
  }
}
