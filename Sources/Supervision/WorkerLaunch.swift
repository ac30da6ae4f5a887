import Glibc
import POSIX

/// How the supervisor starts a worker process: environment, descriptors and files.
public struct WorkerLaunch {
  /// Gives a worker the descriptor of its lifeline: the reading end of a pipe whose writing end its supervisor holds. The
  /// kernel closes the writing end when the supervisor ends, for whatever reason.
  public static let lifelineVariable = "PICO_AUTH_LIFELINE"
  /// Gives a worker the descriptor of its ``Heartbeat``. The first beat means that the worker is ready.
  public static let heartbeatVariable = "PICO_AUTH_HEARTBEAT"

  /// How long a worker may be without a heartbeat. Seconds; nil is without limit.
  let timeout: Double?
  /// The worker's standard error.
  private let log: Int32
  private var environment: [String: String]
  private var files: [FileHandle] = []

  /// A worker finds its files at descriptors below this. The supervisor's own lie above, so that `dup2` overwrites none
  /// that is still to be passed on.
  private static let firstOwn: Int32 = 32
  private static let firstFile: Int32 = 5
  private static let folder = "/proc/self/fd/"

  /// - Parameters:
  ///   - environment: the worker's, without the variables that give it descriptors.
  ///   - timeout: how long a worker may be without a heartbeat before it is replaced. Seconds; nil is without limit.
  ///   - log: the descriptor that is the worker's standard error.
  public init(environment: [String: String], timeout: Double?, log: Int32) {
    self.environment = environment
    self.log = log
    self.timeout = timeout
  }

  /// Passes a text to the worker, in sealed memory that nobody can write to, under a path that a variable names.
  /// `memfd_create(2)`.
  /// - Throws: ``SystemError``.
  public mutating func add(_ variable: String, _ text: [UInt8]) throws(SystemError) {
    environment[variable] = "\(Self.folder)\(Self.firstFile + Int32(files.count))"
    files.append(try Self.movedUp(try FileHandle.sealed(variable, text)))
  }

  /// Closes, in the worker, the files that ``add(_:_:)`` passed. They hold secrets, and an intruder in the process could
  /// read them again.
  /// - Parameter environment: the worker's. Nothing is closed in a process that no supervisor started.
  public static func closeFiles(_ variables: [String], in environment: [String: String]) {
    guard environment[lifelineVariable] != nil else { return }
    for variable in variables {
      guard let path = environment[variable], path.hasPrefix(folder),
        let descriptor = Int32(path.dropFirst(folder.count)), descriptor >= firstFile
      else { continue }
      close(descriptor)
    }
  }

  /// A descriptor of the same open file, above those that a worker gets.
  static func movedUp(_ handle: FileHandle) throws(SystemError) -> FileHandle {
    FileHandle(
      owning: try retryingOnInterrupt("fcntl") { fcntl(handle.descriptor, F_DUPFD_CLOEXEC, firstOwn) })
  }

  /// Starts a worker: this program again, with the socket as descriptor 0. `posix_spawn(3)`.
  /// - Parameters: descriptors as ``movedUp(_:)`` gives them.
  /// - Throws: ``SystemError``.
  func start(socket: FileHandle, lifeline: FileHandle, heartbeats: FileHandle) throws(SystemError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, socket.descriptor, 0)
    posix_spawn_file_actions_adddup2(&actions, log, 2)
    posix_spawn_file_actions_adddup2(&actions, lifeline.descriptor, 3)
    posix_spawn_file_actions_adddup2(&actions, heartbeats.descriptor, 4)
    for (index, file) in files.enumerated() {
      posix_spawn_file_actions_adddup2(&actions, file.descriptor, Self.firstFile + Int32(index))
    }

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

    var environment = environment
    environment[Self.lifelineVariable] = "3"
    environment[Self.heartbeatVariable] = "4"
    // The second word is for the process list. A worker recognizes itself by descriptor 0.
    let arguments = CStrings(["pico-auth", "worker"])
    let variables = CStrings(environment.map { "\($0.key)=\($0.value)" })
    var process = pid_t()
    let result = posix_spawn(
      &process, "/proc/self/exe", &actions, &attributes, arguments.pointer, variables.pointer)
    guard result == 0 else { throw SystemError(call: "posix_spawn", code: result) }
    return process
  }
}

/// An array of C strings that ends in nil.
private final class CStrings {
  let pointer: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
  private let count: Int

  init(_ strings: [String]) {
    count = strings.count
    pointer = .allocate(capacity: strings.count + 1)
    for (index, string) in strings.enumerated() { pointer[index] = strdup(string) }
    pointer[strings.count] = nil
  }

  deinit {
    for index in 0..<count { free(pointer[index]) }
    pointer.deallocate()
  }
}
