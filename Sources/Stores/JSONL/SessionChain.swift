/// The sessions of one subject, newest first, by the links between them.
struct SessionChain {
  private let hash: [UInt8]
  private let read: (Int) throws -> SessionSlot?
  /// The index of the next session.
  private(set) var position: Int?

  /// - Parameters:
  ///   - hash: the SHA-256 of the subject.
  ///   - start: the index of the first session.
  ///   - read: reads a slot; by default under the lock.
  init(
    of hash: [UInt8], _ data: SessionFile, from start: Int? = nil,
    read: ((Int) throws -> SessionSlot?)? = nil
  ) {
    self.hash = hash
    self.read = read ?? { try data.slot(at: $0) }
    position = start
  }

  /// The slot at an index if it is one of the subject's. A link may lead to a session that a power loss took.
  func slot(at index: Int?) throws -> (index: Int, slot: SessionSlot)? {
    guard let index, let slot = try read(index), slot.isOf(subjectHash: hash) else { return nil }
    return (index, slot)
  }

  /// The next session.
  mutating func next() throws -> (index: Int, slot: SessionSlot)? {
    guard let found = try slot(at: position) else { return nil }
    // Links lead back, so that the chain ends whatever the files hold.
    position = found.slot.earlier.flatMap { $0 < found.index ? $0 : nil }
    return found
  }
}
