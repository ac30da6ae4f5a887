import Foundation
import TestSupport
import Testing

/// The power goes while clients are being answered; `Tests/PowerLoss` tells how. `make crash-test` does more of it.
@Suite(.serialized) struct PowerLossTests {
  private let folder = TemporaryFolder()

  /// Why this machine can't mount recorded disks; nil where it can.
  private static let obstacle: String? = {
    guard let result = try? Tool.run(program + ["--check-machine"]) else { return "python3 doesn't run" }
    return result.status == 0 ? nil : result.output.trimmingCharacters(in: .whitespacesAndNewlines)
  }()

  private static let program = ["python3", "-B", "\(WebServer.project)/Tests/PowerLoss"]

  /// The debug build takes ten times as long to read a full file of mints.
  private static let images = ProcessInfo.processInfo.environment["PICO_AUTH_BINARY"] == nil ? 24 : 300

  @Test(.enabled(if: obstacle == nil, "power can't be lost here: \(obstacle ?? "")"))
  func nothingAnsweredIsLostWithThePower() throws {
    let test = try Child(
      Self.program + [
        "--binary", Tool.picoAuth, "--images", "\(Self.images)", "--keep",
        "\(WebServer.project)/.build/power-loss",
      ], log: folder.file("log"))
    let status = test.wait(within: 1800)
    #expect(status == 0, "\(test.output)")
  }

  /// The test can fail: a disk that answers a flush and loses the data all the same breaks promises.
  @Test(.enabled(if: obstacle == nil, "power can't be lost here: \(obstacle ?? "")"))
  func aDiskThatForgetsIsNoticed() throws {
    let test = try Child(
      Self.program + [
        "--binary", Tool.picoAuth, "--images", "20", "--file-systems", "ext4", "--workloads", "begin",
        "--forgets", "200",
      ], log: folder.file("log"))
    #expect(test.wait(within: 600) == 1)
    #expect(test.output.contains("mint lost"), "\(test.output)")
    #expect(test.output.contains("revocation lost"), "\(test.output)")
  }
}
