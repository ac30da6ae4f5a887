import CLinux
import Glibc

/// The bytes that a peer hasn't taken yet. No thread waits for the peer: epoll reports when its socket is writable.
struct Outbox {
  enum Result {
    /// Everything is sent.
    case empty
    /// The socket's send buffer is full. Some bytes remain.
    case full
    /// The peer has closed the connection.
    case closed
  }

  private var bytes: [UInt8] = []
  private var sent = 0

  var isEmpty: Bool { sent == bytes.count }

  /// Appends the records of an answer.
  mutating func append(_ write: (inout [UInt8]) -> Void) {
    write(&bytes)
  }

  /// Sends as much as the peer takes now. Doesn't block. `send(2)`.
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
    // The connection may stay idle for long: free the memory of a large answer.
    bytes.removeAll(keepingCapacity: bytes.capacity <= 65536)
    sent = 0
    return .empty
  }
}
