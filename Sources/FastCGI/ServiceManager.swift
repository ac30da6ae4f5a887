import CLinux
import Glibc
import POSIX

/// Whoever started this program as a service and wants to hear how it does: systemd. `sd_notify(3)`.
public struct ServiceManager {
  private let socket: String?
  /// How often it wants to hear that the service is alive. Seconds; nil is never. `sd_watchdog_enabled(3)`.
  let watchdogInterval: Double?

  /// - Parameter environment: NOTIFY_SOCKET is a path, or an abstract name behind `@`; WATCHDOG_USEC is the time without
  ///   a sign of life after which it ends the service.
  public init(environment: [String: String]) {
    socket = environment["NOTIFY_SOCKET"]
    let isMeant = environment["WATCHDOG_PID"].map { $0 == "\(getpid())" } ?? true
    watchdogInterval = environment["WATCHDOG_USEC"].flatMap { Double($0) }
      .flatMap { isMeant && $0 > 0 ? $0 / 1e6 / 3 : nil }
  }

  func tellReady() { tell("READY=1\nMAINPID=\(getpid())") }

  func tellReloading() { tell("RELOADING=1\nMONOTONIC_USEC=\(Clock.monotonicNanoseconds / 1000)") }

  func tellAlive() { tell("WATCHDOG=1") }

  func tellStopping() { tell("STOPPING=1") }

  /// A message that can't be delivered is none of the service's business.
  private func tell(_ message: String) {
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
