import CLinux
import Glibc

/// Random bytes from the kernel's generator.
public enum SecureRandom {
  /// - Parameter count: at most 256, which `getrandom(2)` hands out whole or not at all.
  public static func bytes(_ count: Int) -> [UInt8] {
    precondition(count <= 256)
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while getrandom(buffer.baseAddress, count, 0) != count {
        // EINTR is possible only before the generator is seeded at boot; anything else leaves no safe way on.
        precondition(errno == EINTR, "getrandom failed")
      }
      filled = count
    }
  }
}
