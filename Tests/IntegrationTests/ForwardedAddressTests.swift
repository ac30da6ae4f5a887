import Foundation
import TestSupport
import Testing

/// Who a client behind a trusted proxy is, whatever it writes beside the proxy's field.
@Suite(.serialized) struct ForwardedAddressTests {
  private static let proxy = "X-Forwarded-For"
  private static let client = "203.0.113.9"
  private static let victim = "198.51.100.1"
  private static let misspelled = [
    "X_Forwarded_For", "X.Forwarded.For", "X~Forwarded~For", "x-forwarded_for",
  ]
  private static let trusting = Backend.settings + "\n  trusted_proxies: [127.0.0.1]"

  /// Sends a request with these fields until the log names its client: a second has only so many lines for one.
  private func expect(_ name: String, _ site: Site, _ fields: [(String, String)]) throws {
    func lines() -> [String] {
      site.output.matches(of: #/refused client=(\S+)/#).map { String($0.1) }
    }
    let before = lines().count
    let isNamed = try eventually {
      let answer = try site.client.send(
        "POST", "/refresh", fields: fields, body: Array(#"{"refresh_token":"x"}"#.utf8))
      #expect(answer.status == 401)
      let lines = lines()
      return lines.count > before && lines.last == name
    }
    #expect(isNamed, "\(fields): \(lines())")
    #expect(!lines().contains(Self.victim))
  }

  @Test(arguments: Site.Kind.allCases)
  func aMisspelledFieldChoosesNobody(_ kind: Site.Kind) throws {
    let site = try Site(kind, settings: Self.trusting)
    let isLighttpd = [.lighttpd, .lighttpdSpawned, .lighttpdCGI].contains(kind)
    for name in Self.misspelled {
      let (own, others) = ((Self.proxy, Self.client), (name, Self.victim))
      for fields in [[own, others], [others, own]] {
        // lighttpd hands over both under one name.
        try expect(isLighttpd ? "unknown" : Self.client, site, fields)
      }
    }
    try expect(Self.client, site, [(Self.proxy, Self.client)])
  }

  /// Some proxies add a field of their own behind the client's.
  @Test(arguments: Site.Kind.allCases)
  func ofTwoFieldsTheProxysCounts(_ kind: Site.Kind) throws {
    let site = try Site(kind, settings: Self.trusting)
    try expect(Self.client, site, [(Self.proxy, Self.victim), (Self.proxy, Self.client)])
  }

  /// The lines of docs/deployment.md.
  @Test(arguments: [Site.Kind.lighttpd, .lighttpdSpawned, .lighttpdCGI])
  func lighttpdReadsTheFieldItself(_ kind: Site.Kind) throws {
    let text = try String(contentsOfFile: "\(WebServer.project)/docs/deployment.md", encoding: .utf8)
    let lines = try #require(
      text.matches(of: #/```lighttpd\n((?s:.)*?)```/#).map { String($0.1) }.first {
        $0.contains("extforward")
      })
    let site = try Site(kind, extra: lines.replacing("192.0.2.1", with: "127.0.0.1"))
    for name in Self.misspelled {
      let (own, others) = ((Self.proxy, Self.client), (name, Self.victim))
      try expect(Self.client, site, [own, others])
      try expect(Self.client, site, [others, own])
    }
    try expect(Self.client, site, [(Self.proxy, Self.victim), (Self.proxy, Self.client)])
  }
}
