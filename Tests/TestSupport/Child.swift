import Foundation
import Synchronization

/// A process that a test started, and that ends with it.
public final class Child: Sendable {
  public let identifier: pid_t
  private let log: String
  /// As `waitpid(2)` tells it; nil while the process runs.
  private let status = Mutex<Int32?>(nil)

  public struct SpawnFailure: Error { let code: Int32 }

  /// - Parameters:
  ///   - environment: besides PATH, all there is.
  ///   - input: the file that standard input comes from.
  ///   - log: the file that output goes to.
  ///   - errors: the file that errors go to; the same without it.
  public init(
    _ arguments: [String], environment: [String: String] = [:], folder: String? = nil,
    input: String = "/dev/null", log: String, errors: String? = nil
  ) throws {
    self.log = log
    let arguments = folder.map { ["env", "--chdir=\($0)"] + arguments } ?? arguments
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    if let errors {
      posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    } else {
      posix_spawn_file_actions_adddup2(&actions, 1, 2)
    }

    // Not Foundation's Process: the runner's threads block signals, a shell before it may ignore some, and
    // children would inherit both.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    var all = sigset_t()
    sigfillset(&all)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

    let variables = environment.merging(["PATH": Tool.searchPath]) { given, _ in given }
    var argumentPointers = arguments.map { strdup($0) } + [nil]
    var variablePointers = variables.map { strdup("\($0)=\($1)") } + [nil]
    defer { for pointer in argumentPointers + variablePointers { free(pointer) } }
    var process = pid_t()
    let result = posix_spawn(
      &process, Tool.path(arguments[0]), &actions, &attributes, &argumentPointers, &variablePointers)
    guard result == 0 else { throw SpawnFailure(code: result) }
    identifier = process
  }

  deinit {
    guard isRunning else { return }
    kill(SIGKILL)
    waitpid(identifier, nil, 0)
  }

  public var isRunning: Bool {
    status.withLock { status in
      var value: Int32 = 0
      if status == nil, waitpid(identifier, &value, WNOHANG) != 0 { status = value }
      return status == nil
    }
  }

  public var output: String {
    String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self)
  }

  public func kill(_ signal: Int32) {
    if isRunning { Foundation.kill(identifier, signal) }
  }

  /// Asks it to end, and waits.
  /// - Returns: its exit status, 128 and the signal's number where one ended it; nil where it didn't end in
  ///   time.
  @discardableResult
  public func stop(_ signal: Int32 = SIGTERM, within seconds: Double = 10) -> Int32? {
    kill(signal)
    return wait(within: seconds)
  }

  /// Waits for it to end; answers as ``stop(_:within:)``.
  public func wait(within seconds: Double) -> Int32? {
    guard eventually(within: seconds, { !isRunning }) else { return nil }
    return status.withLock { status in
      status.map { $0 & 0x7f == 0 ? $0 >> 8 & 0xff : 128 + $0 & 0x7f }
    }
  }

  /// The processes that it started and that still run.
  public var children: [pid_t] { Self.children(of: identifier) }

  /// These, and those that they started, and so on.
  public var descendants: [pid_t] {
    var found = children
    var index = 0
    while index < found.count {
      found += Self.children(of: found[index])
      index += 1
    }
    return found
  }

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
  public static let picoAuth =
    ProcessInfo.processInfo.environment["PICO_AUTH_BINARY"] ?? beside("pico-auth")

  /// A program that was built with the tests.
  public static func beside(_ name: String) -> String {
    let runner = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    // The runner may be a program for all tests; the tests' own bundle is what it was given then.
    let bundle = CommandLine.arguments.first { $0.contains(".xctest") } ?? runner ?? ""
    return URL(fileURLWithPath: bundle).deletingLastPathComponent().path + "/" + name
  }

  /// A Python with the peers installed; nil where the environment names none.
  public static let python = ProcessInfo.processInfo.environment["PICO_AUTH_PYTHON"]

  /// Runs a command to its end.
  public static func run(
    _ arguments: [String], environment: [String: String] = [:], input: String = ""
  ) throws -> CommandResult {
    // Through files: a pipe that nobody reads would hold the command up.
    let folder = TemporaryFolder()
    try folder.write("input", input)
    let child = try Child(
      arguments, environment: environment, input: folder.file("input"), log: folder.file("output"),
      errors: folder.file("errors"))
    guard let status = child.wait(within: 120) else { throw TimedOut(command: arguments) }
    return CommandResult(
      status: status, output: try folder.read("output"), errors: try folder.read("errors"))
  }

  public struct TimedOut: Error { let command: [String] }
}
