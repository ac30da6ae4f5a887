import Glibc

/// The run mode of the process, from its descriptors and environment alone.
public enum StartMode: Sendable {
  /// Descriptor 0 is a listening socket: a FastCGI application. FastCGI specification, section 2.2.
  case worker
  /// A web server runs the program for one request. RFC 3875, section 4.1.4.
  case script
  /// A person or a shell script gives a command.
  case command

  /// Looks for a listening socket and then for `GATEWAY_INTERFACE`.
  public static func detect() -> StartMode {
    if isListening(0) { return .worker }
    return getenv("GATEWAY_INTERFACE") != nil ? .script : .command
  }

  /// Whether a descriptor is a listening socket. `SO_ACCEPTCONN`.
  static func isListening(_ descriptor: Int32) -> Bool {
    var isListening: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    return getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &size) == 0 && isListening != 0
  }
}
