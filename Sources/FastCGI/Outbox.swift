import CLinux
import Glibc

/// Bytes for a peer that it hasn't taken yet. No thread waits for it: epoll tells when it takes more.
struct Outbox {
  enum Result {
    /// All is sent.
    case empty
    /// The peer takes nothing more for now.
    case full
    /// The peer is gone.
    case closed
  }

  private var bytes: [UInt8] = []
  private var sent = 0

  var isEmpty: Bool { sent == bytes.count }

  /// Appends the records of an answer.
  mutating func append(_ write: (inout [UInt8]) -> Void) {
    write(&bytes)
  }

  /// Sends as much as the peer takes now. `send(2)`.
  mutating func send(_ descriptor: Int32) -> Result {
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(
          descriptor, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
      }
      if count >= 0 {
        sent += count
        continue
      }
      switch errno {
      case EINTR: continue
      case EAGAIN: return .full
      default: return .closed
      }
    }
    // A large answer's memory isn't kept for a connection that may stay idle.
    bytes.removeAll(keepingCapacity: bytes.capacity <= 65536)
    sent = 0
    return .empty
  }
}
