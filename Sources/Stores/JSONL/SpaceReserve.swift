import POSIX
import Synchronization

/// Space on the disk of the revocations that is kept for them. Stores that anybody can make grow ask before they write, and
/// refuse below the reserve; revocations don't ask.
public final class SpaceReserve: Sendable {
  /// How long one look at the file system counts. Nanoseconds. What is written meanwhile is far less than a reserve that
  /// makes sense.
  private static let validity: UInt64 = 250_000_000
  /// Seconds.
  private static let retryAfter = 10

  /// Bytes; 0 for none.
  public let size: Int
  private let folder: String
  private let nextLook = Atomic<UInt64>(0)
  private let lastFree = Atomic<Int>(.max)

  /// - Parameter path: a file of revocations; it need not be there.
  public init(size: Int, forFile path: String) {
    self.size = size
    folder = Files.parent(of: path)
  }

  /// How much is free now; nil where that can't be told, as before the folder is made. Bytes.
  public var freeBytes: Int? { try? FileSystem.freeBytes(at: folder) }

  /// - Throws: ``StoreError`` where less is free than the reserve.
  public func require() throws(StoreError) {
    guard size > 0 else { return }
    let now = Clock.monotonicNanoseconds
    let due = nextLook.load(ordering: .relaxed)
    // One thread looks, the others go by what was found before.
    if now >= due,
      nextLook.compareExchange(expected: due, desired: now + Self.validity, ordering: .relaxed).exchanged
    {
      lastFree.store(freeBytes ?? .max, ordering: .relaxed)
    }
    let free = lastFree.load(ordering: .relaxed)
    guard free >= size else {
      throw StoreError(
        "\(folder): \(free) bytes free, and \(size) are reserved for revocations (state_reserve_bytes)",
        retryAfter: Self.retryAfter)
    }
  }
}
