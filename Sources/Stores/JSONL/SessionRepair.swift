import Logging
import POSIX

/// Repairs the files of sessions under their lock: drops what can't be read, and links the rest anew. Where it
/// can't tell whose sessions were ended, everybody's are.
struct SessionRepair {
  private let path: String
  private let files: SessionFiles
  private let clock: Clock
  private let boot = BootID.current ?? ""

  init(path: String, clock: Clock, logger: Logger) {
    self.path = path
    self.clock = clock
    files = SessionFiles(path: path, boot: BootID.current, logger: logger)
  }

  private var tablePath: String { files.tablePath }

  /// Repairs both files.
  /// - Throws: ``StoreError``.
  func run() throws -> StoreRepair.Outcome {
    var outcome = StoreRepair.Outcome()
    try files.translating {
      try files.withLock {
        let (data, hasHeader) = try openData()
        if let data {
          try files.hold(data)
          guard try FileStatus.ofFile(at: path)?.identity == data.identity else {
            throw StoreError("\(path): another process replaced the file meanwhile; try again")
          }
          try dropDamaged(of: data, &outcome)
        }
        let table = try repairTable(data, &outcome)
        // Last, because the file of sessions tells that there was a table.
        if !hasHeader { try moveDataAway(&outcome) }
        guard let data, let table else { return }
        _ = try files.relink(SessionFiles.Files(data: data, table: table), try data.state(), boot)
      }
    }
    return outcome
  }

  /// Opens the file of sessions.
  /// - Returns: nil if there is none, or if its header is damaged.
  private func openData() throws -> (SessionFile?, hasHeader: Bool) {
    do {
      return (try files.currentData(), true)
    } catch is DamagedSector {
      return (nil, false)
    }
  }

  /// Moves the file of sessions away. Without the key in its header, no identifier leads to a session.
  private func moveDataAway(_ outcome: inout StoreRepair.Outcome) throws {
    let aside = badPath(of: path)
    try Files.rename(path, to: aside)
    try Files.synchronizeFolder(of: path)
    outcome.dropped.add(
      StoreFile.BadRecord(
        line: 1, offset: 0,
        reason:
          "isn't a header, so that all sessions are lost and everybody signs in again; moved to \(aside)"
      ))
  }

  private func badPath(of path: String) -> String {
    var seconds = clock.seconds
    while (try? FileStatus.ofFile(at: "\(path).bad-\(seconds)")) ?? nil != nil { seconds += 1 }
    return "\(path).bad-\(seconds)"
  }

  /// Overwrites damaged slots with NULs, after it has copied them.
  private func dropDamaged(of data: SessionFile, _ outcome: inout StoreRepair.Outcome) throws {
    var copy: BufferedWriter?
    var damaged: [Int] = []
    for index in try data.state().first..<data.end() {
      guard case .damaged = try data.content(at: index) else { continue }
      damaged.append(index)
      if copy == nil {
        copy = BufferedWriter(try FileHandle(path: badPath(of: path), flags: .createNew))
      }
      try copy?.add(line: try data.handle.read(count: Sector.size, at: data.offset(of: index))[...])
      outcome.dropped.add(
        StoreFile.BadRecord(
          line: index + 1, offset: data.offset(of: index),
          reason: "can't be read, and was dropped: whoever has the session signs in again"))
    }
    try copy?.flush()
    try copy?.handle.synchronize()
    for index in damaged {
      try data.handle.writeAll([UInt8](repeating: 0, count: Sector.size), at: data.offset(of: index))
    }
  }

  /// Writes the table anew if it is damaged or gone.
  /// - Returns: nil if there has never been one.
  private func repairTable(
    _ data: SessionFile?, _ outcome: inout StoreRepair.Outcome
  ) throws -> SubjectTable? {
    let former: SubjectTable?
    do {
      former = try files.currentTable()
    } catch is DamagedSector {
      former = nil
      // Whoever finds no table, should this process be killed now, must know that there was one.
      try files.tableNote.write()
      try Files.rename(tablePath, to: badPath(of: tablePath))
    }
    if try former == nil && !files.tableNote.isTableGone() { return nil }
    var lost: [Int] = []
    if let former {
      try former.forEach({ _ in }, damaged: { lost.append($0) })
      if lost.isEmpty { return former }
    }
    let (draft, cutoff) = (tablePath + ".new", try cutoffForAll(data))
    let table =
      try former?.copy(draft: draft, generalCutoff: cutoff, isLarger: false, keep: { $0 }, damaged: { _ in })
      ?? SubjectTable.make(draft: draft, for: tablePath, generalCutoff: cutoff)
    if let owned = data?.handle ?? former?.handle { try table.handle.giveOwner(of: owned) }
    try files.name(table.handle, draft, tablePath)
    outcome.dropped.add(
      StoreFile.BadRecord(
        line: (lost.first ?? 0) / Sector.size + 1, offset: lost.first ?? 0,
        reason:
          "can't be read, so that nobody knows whose sessions were ended: all are, and everybody signs in again"
      ))
    return table
  }

  /// A time until which all sessions began. Milliseconds since 1970.
  private func cutoffForAll(_ data: SessionFile?) throws -> Int {
    var cutoff = Milliseconds.of(clock.now)
    guard let data else { return cutoff }
    for index in try data.state().first..<data.end() {
      if let slot = try data.slot(at: index) { cutoff = max(cutoff, slot.createdAt) }
    }
    return cutoff
  }
}
