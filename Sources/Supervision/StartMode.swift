import Glibc

/// The run mode of the process. Its descriptors and its environment decide it; no flag does.
public enum StartMode: Sendable {
  /// A FastCGI worker: descriptor 0 is a listening socket. FastCGI specification, section 2.2.
  case worker
  /// A CGI script: a web server runs the program for one request. RFC 3875, section 4.1.4.
  case script
  /// The command line.
  case command

  /// Checks descriptor 0 first: a worker may inherit `GATEWAY_INTERFACE` from its web server.
  public static func detect() -> StartMode {
    if isListening(0) { return .worker }
    return getenv("GATEWAY_INTERFACE") != nil ? .script : .command
  }

  /// Whether a descriptor is a listening socket. `socket(7)`, SO_ACCEPTCONN.
  static func isListening(_ descriptor: Int32) -> Bool {
    var isListening: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    return getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &size) == 0 && isListening != 0
  }
}
