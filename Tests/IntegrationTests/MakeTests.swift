import Foundation
import TestSupport
import Testing
import Wallets

/// What a user does first, with the release build.
@Suite(
  .serialized,
  .enabled(
    if: ProcessInfo.processInfo.environment["PICO_AUTH_BINARY"] != nil,
    "PICO_AUTH_BINARY names no release build"))
struct MakeTests {
  private let folder = TemporaryFolder()

  @Test func runAndDemo() throws {
    let port = Socket.freePort()
    let run = try Child(
      ["\(WebServer.project)/scripts/run"],
      environment: ["PORT": "\(port)", "STATE": folder.file("var")], log: folder.file("run.log"))
    #expect(eventually(within: 30) { run.output.contains("make demo") || !run.isRunning })
    try #require(run.isRunning, "\(run.output)")
    let other = Socket.freePort()
    let lost = try Tool.run(["\(WebServer.project)/scripts/demo"], environment: ["PORT": "\(other)"])
    #expect(lost.status == 1)
    #expect(
      lost.errors == "nothing answers at http://127.0.0.1:\(other)/api/v1/auth; start make run first\n",
      "\(lost.errors)")
    let demo = try Tool.run(["\(WebServer.project)/scripts/demo"], environment: ["PORT": "\(port)"])
    #expect(demo.status == 0, "\(demo.errors)")
    #expect(demo.output.components(separatedBy: "signature: valid").count == WalletSchemes.all.count + 1)
    for scheme in WalletSchemes.all {
      #expect(demo.output.contains("\"algorithm\": \"\(scheme.name)\""))
    }

    let password = try folder.read("var/operator-password").trimmingCharacters(in: .newlines)
    let login = try HTTPClient(port: port).postJSON(
      "/login", #"{"email":"operator@localhost","password":"\#(password)"}"#)
    #expect(login.status == 200)
    #expect(!run.output.contains(password))

    let started = run.children
    #expect(started.count >= 2)
    run.kill(SIGINT)
    #expect(eventually { !run.isRunning })
    #expect(started.allSatisfy { kill($0, 0) == -1 })
    #expect((try? Socket(port: port)) == nil)
  }

  @Test func runGate() throws {
    let (port, application) = (Socket.freePort(), Socket.freePort())
    let run = try Child(
      ["\(WebServer.project)/scripts/run"],
      environment: [
        "GATE": "1", "PORT": "\(port)", "APPLICATION_PORT": "\(application)", "STATE": folder.file("gate"),
      ], log: folder.file("gate.log"))
    #expect(eventually(within: 30) { run.output.contains("/app/") || !run.isRunning })
    try #require(run.isRunning, "\(run.output)")
    let site = HTTPClient(port: port, base: "")
    #expect(eventually { (try? Socket(port: application)) != nil })
    #expect(try site.get("/app/").status == 401)
    let demo = try Tool.run(["\(WebServer.project)/scripts/demo"], environment: ["PORT": "\(port)"])
    #expect(demo.status == 0, "\(demo.errors)")
    #expect(demo.output.contains(/\nHello [0-9A-Za-z]/))
    run.kill(SIGINT)
    #expect(eventually { !run.isRunning })
    #expect((try? Socket(port: application)) == nil)
  }

  @Test func theBinaryNeedsNoSwiftOnTheHost() throws {
    let libraries = try Tool.run(["ldd", Tool.picoAuth]).output
    #expect(libraries.contains("libcrypto"))
    #expect(!libraries.lowercased().contains("swift"))
    #expect(!libraries.contains("libFoundation"))
  }
}
