import Foundation

/// A process that a test started, and that ends with it.
public final class Child: @unchecked Sendable {
  private let process = Process()
  private let log: String

  /// - Parameters:
  ///   - environment: besides PATH, all there is.
  ///   - log: the file that output and errors go to.
  public init(
    _ arguments: [String], environment: [String: String] = [:], folder: String? = nil, log: String
  ) throws {
    self.log = log
    _ = FileManager.default.createFile(atPath: log, contents: nil)
    let output = FileHandle(forWritingAtPath: log)!
    process.executableURL = URL(fileURLWithPath: Tool.path(arguments[0]))
    process.arguments = Array(arguments.dropFirst())
    process.environment = environment.merging(["PATH": Tool.searchPath]) { given, _ in given }
    if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = output
    try process.run()
  }

  deinit {
    if process.isRunning { kill(SIGKILL) }
  }

  public var identifier: pid_t { process.processIdentifier }
  public var isRunning: Bool { process.isRunning }
  public var output: String {
    String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self)
  }

  public func kill(_ signal: Int32) {
    Foundation.kill(process.processIdentifier, signal)
  }

  /// Asks it to end, and waits.
  /// - Returns: its exit status; nil where it didn't end in time.
  @discardableResult
  public func stop(_ signal: Int32 = SIGTERM, within seconds: Double = 10) -> Int32? {
    if process.isRunning { kill(signal) }
    return eventually(within: seconds) { !process.isRunning } ? process.terminationStatus : nil
  }

  /// The processes that it started and that still run.
  public var children: [pid_t] { Self.children(of: identifier) }

  private static func children(of parent: pid_t) -> [pid_t] {
    let path = "/proc/\(parent)/task/\(parent)/children"
    let text = FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    return (text ?? "").split(separator: " ").compactMap { pid_t($0.filter(\.isNumber)) }
  }
}

/// What a finished command left.
public struct CommandResult: Sendable {
  public let status: Int32
  public let output: String
  public let errors: String
}

public enum Tool {
  static let searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  /// Where a program is; a path stays as it is.
  static func path(_ name: String) -> String {
    if name.contains("/") { return name }
    let folders = searchPath.split(separator: ":")
    return folders.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 } ?? name
  }

  /// The program under test: the release build where the environment names it, else the debug build
  /// beside the tests.
  public static let picoAuth: String = {
    if let path = ProcessInfo.processInfo.environment["PICO_AUTH_BINARY"] { return path }
    let runner = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    // The runner may be a program for all tests; the tests' own bundle is what it was given then.
    let bundle = CommandLine.arguments.first { $0.contains(".xctest") } ?? runner ?? ""
    return URL(fileURLWithPath: bundle).deletingLastPathComponent().path + "/pico-auth"
  }()

  /// A Python with the peers installed; nil where the environment names none.
  public static let python = ProcessInfo.processInfo.environment["PICO_AUTH_PYTHON"]

  /// Runs a command to its end.
  public static func run(
    _ arguments: [String], environment: [String: String] = [:], input: String = ""
  ) throws -> CommandResult {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path(arguments[0]))
    process.arguments = Array(arguments.dropFirst())
    process.environment = environment.merging(["PATH": searchPath]) { given, _ in given }
    let (stdin, stdout, stderr) = (Pipe(), Pipe(), Pipe())
    process.standardInput = stdin
    process.standardOutput = stdout
    process.standardError = stderr
    try process.run()
    try stdin.fileHandleForWriting.write(contentsOf: Data(input.utf8))
    try stdin.fileHandleForWriting.close()
    let output = try concurrently(2) { number in
      (number == 0 ? stdout : stderr).fileHandleForReading.readDataToEndOfFile()
    }
    process.waitUntilExit()
    return CommandResult(
      status: process.terminationStatus, output: String(decoding: output[0], as: UTF8.self),
      errors: String(decoding: output[1], as: UTF8.self))
  }
}
