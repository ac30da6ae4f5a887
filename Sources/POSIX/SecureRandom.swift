import CLinux
import Glibc

/// Random bytes from the kernel's generator. `getrandom(2)`.
public enum SecureRandom {
  /// - Parameter count: 0 to 256. The kernel returns that many bytes in one piece, even if a signal arrives.
  /// - Precondition: `count` is at most 256, and the kernel has `getrandom`. The process ends otherwise.
  public static func bytes(_ count: Int) -> [UInt8] {
    precondition(count <= 256)
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while getrandom(buffer.baseAddress, count, 0) != count {
        // EINTR is possible only before the generator is seeded at boot. After any other error there is no safe
        // randomness, so the process ends.
        precondition(errno == EINTR, "getrandom failed")
      }
      filled = count
    }
  }
}
