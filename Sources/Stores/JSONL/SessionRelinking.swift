import Logging
import POSIX

/// Links all sessions anew: each to its subject's session before, and each subject to its last one.
///
/// A power loss may take a slot that wasn't flushed and leave links to it. So the first writer after a boot
/// reads all slots once. It writes in place, and can be interrupted: the next writer begins again.
struct SessionRelinking {
  private static let pieceCount = 512

  let files: SessionFiles
  let logger: Logger

  /// Call this under the lock.
  /// - Parameter first: the index to begin at.
  /// - Returns: the files, with the table that may have taken the place of the former one.
  /// - Throws: ``StoreError``, ``SystemError``.
  func run(_ opened: SessionFiles.Files, first: Int) throws -> SessionFiles.Files {
    var opened = opened
    try opened.table.forgetHeads()
    let end = try opened.data.end()
    var damaged = 0
    for start in stride(from: first, to: end, by: Self.pieceCount) {
      let contents = try opened.data.contents(from: start, count: min(Self.pieceCount, end - start))
      for (index, content) in zip(start..., contents) {
        switch content {
        case .nothing: continue
        case .damaged: damaged += 1
        case .slot(let slot):
          do {
            try link(slot, at: index, &opened)
          } catch is DamagedSector {
            // Nobody can use a session of this subject before a repair.
            damaged += 1
          }
        }
      }
    }
    if damaged > 0 {
      logger.error(
        "damaged sessions skipped; run pico-auth store verify",
        metadata: ["file": "\(opened.data.path)", "count": "\(damaged)"])
    }
    return opened
  }

  private func link(_ slot: SessionSlot, at index: Int, _ opened: inout SessionFiles.Files) throws {
    let hash = slot.subjectHash
    let place: SubjectTable.Place
    (opened, place) = try files.place(of: hash, opened)
    var entry = place.entry ?? SubjectEntry(hash: hash)
    if slot.earlier != entry.head {
      var slot = slot
      slot.earlier = entry.head
      try opened.data.write(slot, at: index)
    }
    entry.head = index
    try opened.table.write(entry, at: place)
  }
}
