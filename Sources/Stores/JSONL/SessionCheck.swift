import Glibc
import POSIX

/// Reads a file of sessions whole, and lists what is damaged. Others can read and write meanwhile.
struct SessionCheck {
  /// How many sessions or subjects are whole.
  private(set) var records = 0
  private(set) var bad = StoreFile.BadRecords()
  /// Texts that a power loss took before a session with them was answered.
  private(set) var harmless = StoreFile.BadRecords()

  private static let pieceCount = 512
  /// How often a damaged sector is read again: another process may be writing it.
  private static let tries = 20

  /// Checks the file of sessions, or its table of subjects.
  /// - Parameter kind: ``StoreFile/Kind/sessions`` or ``StoreFile/Kind/subjects``.
  /// - Throws: ``StoreError``, ``SystemError``.
  init(_ kind: StoreFile.Kind, path: String) throws {
    if kind == .subjects { try checkTable(path) } else { try checkSlots(path) }
  }

  private mutating func checkSlots(_ path: String) throws {
    let data: SessionFile
    do {
      guard let opened = try SessionFile.open(path) else { return }
      data = opened
    } catch is DamagedSector {
      return bad.add(
        StoreFile.BadRecord(line: 1, offset: 0, reason: "isn't the header of a file of sessions"))
    }
    let (first, end) = (try data.state().first, try data.end())
    for start in stride(from: first, to: end, by: Self.pieceCount) {
      let contents = try data.contents(from: start, count: min(Self.pieceCount, end - start))
      for (index, content) in zip(start..., contents) {
        switch content {
        case .slot: records += 1
        case .nothing: continue
        case .damaged:
          if try Self.isDamaged({ if case .damaged = try data.content(at: index) { true } else { false } }) {
            bad.add(
              StoreFile.BadRecord(line: index + 1, offset: data.offset(of: index), reason: "isn't a session"))
          } else {
            records += 1
          }
        }
      }
    }
  }

  private mutating func checkTable(_ path: String) throws {
    let table: SubjectTable
    do {
      guard let opened = try SubjectTable.open(path) else {
        return bad.add(
          StoreFile.BadRecord(line: 1, offset: 0, reason: "is gone, and with it which sessions were ended"))
      }
      table = opened
    } catch is DamagedSector {
      return bad.add(
        StoreFile.BadRecord(line: 1, offset: 0, reason: "isn't the header of a table of subjects"))
    }
    var (records, damaged, lost) = (0, [Int](), [Int]())
    try table.forEach(
      { entry in
        records += 1
        if let text = entry.text, (try? table.text(at: text)) == nil { lost.append(text) }
      }, damaged: { damaged.append($0) })
    self.records = records
    for offset in damaged
    where try Self.isDamaged({
      if case .sector = try Sector.content(of: table.handle, at: offset) { false } else { true }
    }) {
      bad.add(
        StoreFile.BadRecord(
          line: offset / Sector.size + 1, offset: offset, reason: "isn't a bucket of subjects"))
    }
    for offset in lost {
      harmless.add(
        StoreFile.BadRecord(
          line: offset / Sector.size + 1, offset: offset, reason: "isn't the text of a subject"))
    }
  }

  private static func isDamaged(_ look: () throws -> Bool) throws -> Bool {
    for _ in 0..<tries {
      guard try look() else { return false }
      usleep(1000)
    }
    return true
  }
}
