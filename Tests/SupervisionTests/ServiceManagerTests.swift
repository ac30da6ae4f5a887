import CLinux
import Glibc
import TestSupport
import Testing

@testable import Supervision

/// What systemd is told. `sd_notify(3)`, `sd_watchdog_enabled(3)`.
@Suite struct ServiceManagerTests {
  private let folder = TemporaryFolder()

  @Test func eachStateIsOneMessage() throws {
    let socket = try DatagramSocket(unix: folder.file("notify"))
    let manager = ServiceManager(environment: ["NOTIFY_SOCKET": folder.file("notify")])
    manager.notifyReady()
    #expect(try socket.receive() == "READY=1\nMAINPID=\(getpid())")
    manager.notifyReloading()
    #expect(try socket.receive().hasPrefix("RELOADING=1\nMONOTONIC_USEC="))
    manager.notifyAlive()
    #expect(try socket.receive() == "WATCHDOG=1")
    manager.notifyStopping()
    #expect(try socket.receive() == "STOPPING=1")
  }

  @Test func anAbstractSocketHasNoFile() throws {
    let name = "pico-auth-test-\(getpid())"
    let socket = try AbstractSocket("\0" + name)
    ServiceManager(environment: ["NOTIFY_SOCKET": "@" + name]).notifyAlive()
    #expect(socket.receive() == "WATCHDOG=1")
  }

  @Test(arguments: ["", "/nowhere/notify", "/" + String(repeating: "x", count: 200)])
  func aManagerThatIsNotThereIsNoMatter(_ path: String) {
    let manager = ServiceManager(environment: ["NOTIFY_SOCKET": path])
    manager.notifyReady()
    manager.notifyStopping()
  }

  @Test func itHearsOfLifeThreeTimesAsOftenAsItMust() {
    func interval(_ environment: [String: String]) -> Double? {
      ServiceManager(environment: environment).watchdogInterval
    }
    #expect(interval(["WATCHDOG_USEC": "30000000"]) == 10)
    #expect(interval(["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "\(getpid())"]) == 10)
    // Meant for another process.
    #expect(interval(["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"]) == nil)
    for text in ["0", "-1", "x", ""] { #expect(interval(["WATCHDOG_USEC": text]) == nil, "\(text)") }
    #expect(interval([:]) == nil)
  }
}

/// A socket whose name begins with NUL, and that no file stands for. `unix(7)`.
private final class AbstractSocket {
  private let descriptor: Int32

  init(_ name: String) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name.utf8) }
    let size = socklen_t(MemoryLayout<sa_family_t>.size + name.utf8.count)
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) }
    }
    try #require(result == 0)
  }

  deinit { close(descriptor) }

  func receive() -> String {
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
    return String(decoding: bytes[..<max(0, count)], as: UTF8.self)
  }
}
