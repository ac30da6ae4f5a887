import POSIX
import Synchronization

/// Space on the disk of the revocations that is kept for them. Stores that anybody can make grow ask before they write, and
/// refuse below the reserve; revocations don't ask.
///
/// A look at the file system tells of all processes, and is too dear for each record. So a process goes by its last look, less
/// what it has let through since. Other processes write meanwhile: the more they could have, and the closer the reserve is,
/// the sooner it looks again.
public final class SpaceReserve: Sendable {
  /// A smaller reserve may be used up by what is on its way to the disk when it is reached. Bytes.
  public static let least = 16 << 20
  /// How long one look counts. Nanoseconds.
  private static let validity: UInt64 = 250_000_000
  /// How much may be let through on one look. Bytes.
  private static let allowance = 1 << 20
  /// Closer than this to the reserve, each record has a look of its own. Bytes.
  private static let closeness = 16 << 20
  /// Seconds.
  private static let retryAfter = 10

  /// Bytes; 0 for none.
  public let size: Int
  private let folder: String
  private let nextLook = Atomic<UInt64>(0)
  private let lastFree = Atomic<Int>(.max)
  /// What was let through since the last look. Bytes.
  private let taken = Atomic<Int>(0)

  /// - Parameter path: a file of revocations; it need not be there.
  public init(size: Int, forFile path: String) {
    self.size = size
    folder = Files.parent(of: path)
  }

  /// How much is free now; nil where that can't be told, as before the folder is made. Bytes.
  public var freeBytes: Int? { try? FileSystem.freeBytes(at: folder) }

  /// Asks whether something may be written.
  /// - Parameter count: how much. Bytes.
  /// - Throws: ``StoreError`` where less would be free than the reserve.
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
      // One thread looks, the others go by what was found before.
      nextLook.compareExchange(expected: due, desired: now + Self.validity, ordering: .relaxed).exchanged
    else { return }
    lastFree.store(freeBytes ?? .max, ordering: .relaxed)
    self.taken.store(0, ordering: .relaxed)
  }
}
