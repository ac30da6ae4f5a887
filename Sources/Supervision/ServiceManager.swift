import CLinux
import Glibc
import POSIX

/// Reports the state of the service to systemd, if systemd started it. `sd_notify(3)`.
public struct ServiceManager {
  private let socket: String?
  /// How often to notify the watchdog: a third of its timeout. Seconds; nil without a watchdog.
  /// `sd_watchdog_enabled(3)`.
  let watchdogInterval: Double?

  /// - Parameter environment: NOTIFY_SOCKET is the path of a socket, or `@` and an abstract name (`unix(7)`).
  ///   WATCHDOG_USEC is the timeout after which systemd ends a service that sends no notification, in microseconds.
  ///   WATCHDOG_PID is the process that it applies to.
  public init(environment: [String: String]) {
    socket = environment["NOTIFY_SOCKET"]
    let isMeant = environment["WATCHDOG_PID"].map { $0 == "\(getpid())" } ?? true
    watchdogInterval = environment["WATCHDOG_USEC"].flatMap { Double($0) }
      .flatMap { isMeant && $0 > 0 ? $0 / 1e6 / 3 : nil }
  }

  func notifyReady() { notify("READY=1\nMAINPID=\(getpid())") }

  func notifyReloading() { notify("RELOADING=1\nMONOTONIC_USEC=\(Clock.monotonicNanoseconds / 1000)") }

  func notifyAlive() { notify("WATCHDOG=1") }

  func notifyStopping() { notify("STOPPING=1") }

  /// Sends one datagram. Ignores failures: the service must run although systemd doesn't read.
  private func notify(_ message: String) {
    guard let socket, !socket.isEmpty, socket.utf8.count < 108 else { return }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) {
      $0.copyBytes(from: socket.utf8)
      if socket.hasPrefix("@") { $0[0] = 0 }
    }
    let size = socklen_t(MemoryLayout<sa_family_t>.size + socket.utf8.count)
    let type = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue)
    let descriptor = Glibc.socket(AF_UNIX, type, 0)
    guard descriptor != -1 else { return }
    defer { close(descriptor) }
    var bytes = Array(message.utf8)
    withUnsafePointer(to: &address) {
      _ = $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        sendto(descriptor, &bytes, bytes.count, Int32(MSG_NOSIGNAL), $0, size)
      }
    }
  }
}
