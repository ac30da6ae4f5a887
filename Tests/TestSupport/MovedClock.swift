import Foundation

/// A time of day that a test moves for the processes that it starts.
public struct MovedClock: Sendable {
  private let folder = TemporaryFolder()

  public init() throws {
    // The workers may run as another user.
    chmod(folder.path, 0o755)
    let built = try Tool.run([
      "gcc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", folder.file("moved_clock.so"),
      "\(WebServer.project)/Tests/Peers/moved_clock.c",
    ])
    guard built.status == 0 else { throw Backend.StartFailure(log: built.errors) }
    try move(by: 0)
  }

  /// What a process needs in its environment.
  public var environment: [String: String] {
    ["LD_PRELOAD": folder.file("moved_clock.so"), "MOVED_CLOCK": file]
  }

  /// The file that says by how many seconds the clock is moved. Replace it; don't write into it, as it is read all the time.
  public var file: String { folder.file("seconds") }

  /// - Parameter seconds: from the true time on.
  public func move(by seconds: Int) throws {
    try folder.write("next", "\(seconds)\n")
    chmod(folder.file("next"), 0o644)
    guard rename(folder.file("next"), file) == 0 else { throw Socket.Failure(call: "rename", code: errno) }
  }
}
