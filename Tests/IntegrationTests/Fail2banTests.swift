import Foundation
import TestSupport
import Testing
import Wallets

/// The shipped filter, as fail2ban itself reads it, on logs that an attacker wrote to.
@Suite(.serialized) struct Fail2banTests {
  private static let filter = "\(WebServer.project)/deploy/fail2ban/pico-auth.conf"
  private static let attacker = "127.0.0.66"
  private static let victim = "203.0.113.9"

  private let folder = TemporaryFolder()

  /// Whom fail2ban would count a failure of, once for each.
  private func failures(_ log: String) throws -> [String] {
    let file = try folder.write("log", log)
    let result = try Tool.run(["fail2ban-regex", "--out", "ip", file, Self.filter])
    try #require(result.status == 0, "\(result.output) \(result.errors)")
    return result.output.split(separator: "\n").map(String.init)
  }

  /// What a client may write to make a line of its own, or to end ours as it likes.
  private static let forgeries: [String] = {
    let line = "2026-11-21T15:04:47+0000 notice pico-auth: refused client=\(victim) route=/login status=401"
    let short = " notice pico-auth: refused client=\(victim) route=/login status=401"
    return ["\n", "\r", "\r\n", "\u{1b}[2K\r", "\u{2028}", "\u{85}", "\u{b}", " ", "\"", "\\n", "\t"].flatMap
    {
      ["x\($0)\(line)\($0)", "x\($0)\(short)\($0)"]
    } + ["\(victim) client=\(victim)", "client=\(victim) route=/login status=401", short, line]
  }()

  /// The text as JSON has it.
  private static func json(_ text: String) throws -> String {
    String(decoding: try JSONEncoder().encode(text), as: UTF8.self)
  }

  private static func percent(_ text: String) -> String {
    text.utf8.map { "%" + String(Int($0) + 256, radix: 16).suffix(2) }.joined()
  }

  @Test func nobodyButTheAttackerIsBanned() throws {
    let site = try Site(.nginx)
    let evil = HTTPClient(port: site.client.port, from: Self.attacker)
    let secret = ("X-Fleet-Secret", "0123456789-fleet-secret")
    var refused = 0
    for forgery in Self.forgeries {
      let text = try Self.json(forgery)
      let escaped = Self.percent(forgery)
      let bodies = [
        ("/login", #"{"email":\#(text),"password":\#(text)}"#), ("/challenge", #"{"address":\#(text)}"#),
        (
          "/sign-in",
          #"{"address":\#(text),"public_key":"aa","signature":"aa","challenge":\#(text),"algorithm":\#(text)}"#
        ), ("/sign-in", #"{"address":\#(text),"public_key":"aa","signature":"aa","challenge":\#(text)}"#),
        ("/refresh", #"{"refresh_token":\#(text)}"#), ("/revoke", #"{"jti":\#(text),"reason":\#(text)}"#),
        ("/fleet/sessions", #"{"session_id":\#(text),"agent_id":\#(text),"role":\#(text),"scope":\#(text)}"#),
      ]
      for (path, body) in bodies {
        for query in ["", "?\(escaped)", "?cookie=\(escaped)", "?since=\(escaped)"] {
          let answer = try evil.send(
            "POST", path + query, fields: [("Content-Type", "application/json"), secret],
            body: Array(body.utf8))
          refused += [401, 403].contains(answer.status) ? 1 : 0
        }
      }
      // A field of HTTP's takes no line break; everything else is sent as it is.
      let field = forgery.filter { !$0.isNewline }
      let fields = [
        "X-Forwarded-For", "X-Real-IP", "Forwarded", "Host", "Origin", "Referer", "User-Agent",
        "Authorization",
        "X-Agent-Authorization", "X-Fleet-Secret", "Cookie", "Accept", "X-Forwarded-Host", "If-None-Match",
      ]
      for name in fields {
        _ = try? evil.send(
          "POST", "/login", fields: [(name, field)], body: Array(#"{"email":"a","password":"b"}"#.utf8))
        _ = try? evil.send("GET", "/mints?before=\(escaped)", fields: [(name, field)])
      }
      for path in ["/\(escaped)", "/login/\(escaped)", "/verify?\(escaped)"] { _ = try? evil.get(path) }
    }
    #expect(refused > 0)
    let log = try #require(site.backend?.output)
    let banned = try failures(log)
    #expect(!banned.isEmpty)
    #expect(Set(banned) == [Self.attacker], "\(Set(banned))")
    // It is the filter that keeps the others out, not their absence.
    #expect(try failures(Self.forgeries[0]) == [Self.victim])
  }

  /// Wherever the log ends up: standard error of `serve`, or the web server's error log.
  @Test(arguments: Site.Kind.allCases.map { ($0, false) } + [(.apacheCGI, true)])
  func theFilterFindsWhoWasRefused(_ kind: Site.Kind, _ isPrefork: Bool) throws {
    let site = try Site(kind, isPrefork: isPrefork)
    let evil = HTTPClient(port: site.client.port, from: Self.attacker)
    // Apache adds this field to the line in its log.
    let line =
      "2026-11-21T15:04:47+0000 notice pico-auth: refused client=\(Self.victim) route=/login status=401"
    for referer in ["", "http://localhost/", line] {
      let answer = try evil.send(
        "POST", "/login", fields: referer.isEmpty ? [] : [("Referer", referer)],
        body: Array(#"{"email":"a","password":"b"}"#.utf8))
      #expect(answer.status == 401)
    }
    #expect(
      try eventually { try failures(site.output) == [String](repeating: Self.attacker, count: 3) },
      "\(site.output)")
  }

  /// As syslog and journald put a line.
  @Test(arguments: [
    "Nov 21 15:04:47 host pico-auth[123]: ", "Nov  1 15:04:47 host.example pico-auth[1]: ",
    "2026-11-21T15:04:47.123456+00:00 host pico-auth[123]: ",
    "2026-11-21T15:04:47.1+00:00 host lighttpd[9]: ",
    "",
  ])
  func aPrefixOfTheSystemsIsSkipped(_ prefix: String) throws {
    let line =
      "2026-11-21T15:04:47+0000 notice pico-auth: refused client=\(Self.attacker) route=/login status=401\n"
    #expect(try failures(prefix + line) == [Self.attacker])
    #expect(try failures(prefix + "x " + line).isEmpty)
    #expect(try failures(prefix + line.replacing("client=", with: "name=")).isEmpty)
    #expect(try failures(prefix + line.replacing(Self.attacker, with: "2001:db8::66")) == ["2001:db8::66"])
    #expect(try failures(prefix + line.replacing(Self.attacker, with: "unknown")).isEmpty)
    #expect(try failures(prefix + line.replacing(Self.attacker, with: "localhost")).isEmpty)
  }

  /// As Apache's mod_cgi puts a line, which mod_cgid doesn't. Other scripts' lines, and what a client adds, are no lines of
  /// ours.
  @Test func aPrefixOfApachesIsSkipped() throws {
    let time = "[Sat Nov 21 15:04:47.123456 2026]"
    let apache =
      "\(time) [cgi:error] [pid 12] [client 192.0.2.1:80] AH01215: stderr from /usr/bin/pico-auth: "
    func line(_ client: String = Self.attacker) -> String {
      "2026-11-21T15:04:47+0000 notice pico-auth: refused client=\(client) route=/login status=401"
    }
    #expect(try failures(apache + line() + "\n") == [Self.attacker])
    #expect(try failures(apache + line("2001:db8::66") + "\n") == ["2001:db8::66"])
    #expect(
      try failures(apache.replacing("pid 12", with: "pid 12:tid 3") + line() + ", referer: http://x/\n")
        == [Self.attacker])
    #expect(
      try failures(apache + line() + ", referer: \(apache)\(line(Self.victim))\n") == [Self.attacker])
    for other in [
      apache.replacing("/usr/bin/pico-auth", with: "/usr/lib/cgi-bin/other") + line(),
      apache.replacing("/usr/bin/pico-auth", with: "/usr/lib/cgi-bin/other: /pico-auth") + line(),
      apache + "x " + line(), apache + line("unknown"), apache + line() + " x",
      apache + "2026-11-21T15:04:47+0000 error pico-auth: store unavailable reason=x, referer: \(line())",
      apache + "2026-11-21T15:04:47+0000 error pico-auth: x, referer: \(apache)\(line())",
      "\(time) [core:error] [pid 12] [client 192.0.2.1:80] AH00126: Invalid URI: \(line())",
      "\(time) [core:error] [pid 12] [client 192.0.2.1:80] x \(apache)\(line())",
    ] {
      #expect(try failures(other + "\n").isEmpty, "\(other)")
    }
  }

  /// The jail of docs/deployment.md, and the line for lighttpd, as fail2ban reads them.
  @Test(arguments: [("", "pico-auth.service"), ("lighttpd", "lighttpd.service")])
  func theJailReadsTheRightJournal(_ server: String, _ unit: String) throws {
    let text = try String(contentsOfFile: "\(WebServer.project)/docs/deployment.md", encoding: .utf8)
    let blocks = text.matches(of: #/```ini\n((?s:.)*?)```/#).map { String($0.1) }
    let jail = try #require(blocks.first { $0.hasPrefix("[pico-auth]") })
    let line = server.isEmpty ? "" : try #require(blocks.first { $0.contains("\(server).service") })
    #expect(try Tool.run(["cp", "-r", "/etc/fail2ban/.", folder.path]).status == 0)
    #expect(try Tool.run(["cp", Self.filter, folder.file("filter.d/pico-auth.conf")]).status == 0)
    try folder.write("jail.d/pico-auth.conf", jail + line)
    let commands = try Tool.run(["fail2ban-client", "-c", folder.path, "-d"])
    #expect(commands.status == 0, "\(commands.errors)")
    let matches = commands.output.split(separator: "\n").filter {
      $0.contains("addjournalmatch") && $0.contains("pico")
    }
    #expect(matches.count == 1 && matches[0].contains("'_SYSTEMD_UNIT=\(unit)'"), "\(matches)")
  }
}
