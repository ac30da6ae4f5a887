import POSIX
import Synchronization

/// Disk space that is reserved for revocations. The stores that any client can fill ask the reserve before they write, and
/// refuse records below it. Revocations don't ask.
///
/// `statvfs(3)` counts what all processes wrote, but costs too much for each record. So a process uses its last result, less
/// what it has let through since. Other processes write meanwhile, so the process asks again soon, and sooner near the reserve.
public final class SpaceReserve: Sendable {
  /// Records that are being written when the reserve is reached may use up a smaller reserve. Bytes.
  public static let least = 16 << 20
  /// How long one result is valid. Nanoseconds.
  private static let validity: UInt64 = 250_000_000
  /// How much one result lets through. Bytes.
  private static let allowance = 1 << 20
  /// Closer than this to the reserve, the process asks for each record. Bytes.
  private static let closeness = 16 << 20
  /// Seconds.
  private static let retryAfter = 10

  /// Bytes; 0 for none.
  public let size: Int
  private let folder: String
  private let nextLook = Atomic<UInt64>(0)
  private let lastFree = Atomic<Int>(.max)
  /// What the process has let through since the last result. Bytes.
  private let taken = Atomic<Int>(0)

  /// - Parameter path: the file of the revocations, which may be missing.
  public init(size: Int, forFile path: String) {
    self.size = size
    folder = Files.parent(of: path)
  }

  /// The free space. Bytes; nil if it is unknown, for example before the folder exists.
  public var freeBytes: Int? { try? FileSystem.freeBytes(at: folder) }

  /// Checks that a store may write.
  /// - Parameter count: the size of the record. Bytes.
  /// - Throws: ``StoreError`` if less than the reserve would be free.
  public func require(_ count: Int = 0) throws(StoreError) {
    guard size > 0 else { return }
    lookWhereDue()
    let left = lastFree.load(ordering: .relaxed) - taken.load(ordering: .relaxed)
    guard left - count >= size else {
      throw StoreError(
        "\(folder): \(left) bytes free, and \(size) are reserved for revocations (state_reserve_bytes)",
        retryAfter: Self.retryAfter)
    }
    taken.add(count, ordering: .relaxed)
  }

  private func lookWhereDue() {
    let now = Clock.monotonicNanoseconds
    let due = nextLook.load(ordering: .relaxed)
    let taken = taken.load(ordering: .relaxed)
    let isClose = lastFree.load(ordering: .relaxed) - taken - size < Self.closeness
    guard now >= due || taken >= Self.allowance || isClose,
      // One thread asks. The others use the last result.
      nextLook.compareExchange(expected: due, desired: now + Self.validity, ordering: .relaxed).exchanged
    else { return }
    lastFree.store(freeBytes ?? .max, ordering: .relaxed)
    self.taken.store(0, ordering: .relaxed)
  }
}
