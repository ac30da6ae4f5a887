import POSIX
import Stores
import TestSupport
import Testing

/// What `throttle` prints of a file, and what it refuses.
@Suite struct ThrottleCommandTests {
  private let folder = TemporaryFolder()

  private func run(_ arguments: String...) throws -> CommandResult {
    try Tool.run(
      [Tool.picoAuth, "throttle"] + arguments, environment: ["SERVER_AUTH_STATE_DIR": folder.path])
  }

  /// Counts failures as a worker does.
  private func fail(_ kind: ThrottleSubject.Kind, _ name: String, times: Int) throws {
    let store = FileThrottleStore(
      path: folder.file("throttle.dat"), clock: .system, logger: LogRecorder().logger)
    let limit = ThrottleLimit(ThrottleSubject(kind, name), free: 3, interval: 600)
    for _ in 0..<times { try store.fail(ThrottleTicket(limits: [limit], isCounted: [false])) }
  }

  @Test func nothingFailedNothingIsListed() throws {
    for arguments in [["list"], ["list", "--json"]] {
      let result = try Tool.run(
        [Tool.picoAuth, "throttle"] + arguments, environment: ["SERVER_AUTH_STATE_DIR": folder.path])
      #expect(result.status == 0 && result.output.isEmpty && result.errors.isEmpty)
    }
    #expect(try run("clear", "--all").output == "0 cleared\n")
    #expect(try FileStatus.ofFile(at: folder.file("throttle.dat")) == nil)
  }

  @Test func whoFailedMostComesFirstAndNothingCommandsTheTerminal() throws {
    try fail(.account, "x\u{1b}[2J\nforged@example.org", times: 2)
    try fail(.address, "2001:db8::/64", times: 5)
    try fail(.fleet, "192.0.2.7", times: 1)
    let lines = try run("list").output.split(separator: "\n").map(String.init)
    try #require(lines.count == 3)
    #expect(lines[0].hasPrefix("address  5 failed, last 20") && lines[0].hasSuffix("2001:db8::/64"))
    #expect(lines[1].hasPrefix("account  2 failed") && lines[1].contains("no delay"))
    #expect(lines[1].hasSuffix(#"x\u{1b}[2J\nforged@example.org"#))
    #expect(lines[2].hasPrefix("fleet    1 failed"))
    #expect(
      try run("list", "--json").output.contains(
        #""kind":"fleet","name":"192.0.2.7","failures":1,"last_failure":"#))
  }

  @Test func accountsAddressesAndRangesAreForgotten() throws {
    try fail(.account, "a@example.org", times: 5)
    for range in ["2001:db8::/64", "2001:db8::/56", "2001:db8::/48", "2001:db8:0:1::/64"] {
      try fail(.address, range, times: 5)
    }
    try fail(.fleet, "192.0.2.7", times: 5)
    try fail(.address, "192.0.2.7", times: 5)
    #expect(try run("clear", "b@example.org").output == "0 cleared\n")
    #expect(try run("clear", "A@Example.org").output == "1 cleared\n")
    #expect(try run("clear", "2001:db8::9").output == "3 cleared\n")
    #expect(try run("clear", "2001:db8:0:1::/64").output == "1 cleared\n")
    #expect(try run("clear", "192.0.2.7").output == "2 cleared\n")
    #expect(try run("list").output.isEmpty)
  }

  @Test func oneThingIsNamed() throws {
    #expect(try run("clear").status == 64)
    #expect(try run("clear", "a", "--all").status == 64)
  }
}
