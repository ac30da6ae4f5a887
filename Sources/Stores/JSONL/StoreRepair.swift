import Glibc
import Logging
import POSIX

/// Writes a file of revocations or mints anew with everything that can be read of it.
///
/// The long part runs without the log's lock. What is appended meanwhile is copied under it. If a process is
/// interrupted at any step, the file is unchanged, and the next repair replaces the draft.
public struct StoreRepair {
  /// The result of a repair.
  public struct Outcome: Sendable {
    /// How many whole records were found in damaged lines.
    public internal(set) var recovered = 0
    /// Damaged revocations that were kept as far as they can be read. Some of their members may be wrong.
    public internal(set) var doubtful = StoreFile.BadRecords()
    /// Records that can't be read and were dropped.
    public internal(set) var dropped = StoreFile.BadRecords()

    /// Whether every record that was written is still there.
    public var isComplete: Bool { doubtful.count == 0 && dropped.count == 0 }
  }

  private static let windowSize = 2 * LineReader.maximumLine
  private static let shownSize = 60

  private let kind: StoreFile.Kind
  private let path: String
  private let log: AppendLog
  private let salvage: Salvage

  init(kind: StoreFile.Kind, path: String, clock: Clock, logger: Logger) {
    self.kind = kind
    self.path = path
    log = AppendLog(path: path, clock: clock, logger: logger)
    salvage = Salvage(kind: kind)
    var seconds = clock.seconds
    while access("\(path).bad-\(seconds)", F_OK) == 0 { seconds += 1 }
    badPath = "\(path).bad-\(seconds)"
  }

  /// The repaired file and what is known about it.
  private struct Copy {
    var good: BufferedWriter
    /// The file for damaged bytes; made when there are some.
    var bad: BufferedWriter?
    /// How many bytes of the source were read.
    var offset = 0
    /// How many lines of the source were read.
    var line = 0
    var outcome = Outcome()
  }

  private var draftPath: String { path + ".repaired" }
  /// The path of the file for damaged bytes. No earlier repair has used it, even in the same second.
  private let badPath: String

  /// Repairs the file.
  /// - Throws: ``StoreError``. The file is unchanged then.
  func run() throws -> Outcome {
    try StoreError.translating(path) { try FileLock(path: path + ".repair.lock").withLock(rewrite) }
  }

  private func rewrite() throws -> Outcome {
    guard let source = try SharedFiles.open(path, flags: .read) else {
      throw StoreError("\(path): the file is gone")
    }
    try Files.remove(draftPath)
    let draft = try FileHandle(path: draftPath, flags: .createNew)
    try draft.giveOwner(of: source)
    var copy = Copy(good: BufferedWriter(draft))
    do {
      let size = try source.status().size
      try read(source, to: try BackwardLines.endOfLastLine(of: source, size: size), into: &copy)
      try copy.good.flush()
      try draft.synchronizeData()
      try log.locked { try finish(&copy, from: source) }
    } catch {
      if copy.bad != nil { try? Files.remove(badPath) }
      try? Files.remove(draftPath)
      throw error
    }
    return copy.outcome
  }

  /// Copies what was appended meanwhile, and gives the draft the file's name. Call this under the log's lock.
  private func finish(_ copy: inout Copy, from source: FileHandle) throws {
    let current = try log.current()
    guard try source.status().identity == current.identity else {
      throw StoreError("\(path): another process replaced the file meanwhile; try again")
    }
    try read(source, to: .max, into: &copy)
    try copy.bad?.flush()
    try copy.bad?.handle.synchronize()
    try copy.good.flush()
    try copy.good.handle.synchronize()
    try log.replace(current, by: copy.good.handle, at: draftPath)
  }

  private func read(_ source: FileHandle, to end: Int, into copy: inout Copy) throws {
    var lines = LineReader(source, from: copy.offset, to: end)
    while let line = try lines.next() {
      copy.line += 1
      copy.offset = line.end
      if !line.isWhole {
        try readLong(line, of: source, into: &copy)
      } else if StoreFile.fault(line.bytes, kind, number: copy.line) == nil {
        try copy.good.add(line: line.bytes)
      } else {
        let findings = salvage.findings(in: line.bytes, isEnd: true).findings
        for finding in findings {
          try take(finding, at: line.start + finding.bytes.startIndex - line.bytes.startIndex, into: &copy)
        }
      }
    }
  }

  /// Reads a line that is too long for a record through a window.
  private func readLong(_ line: LineReader.Line, of source: FileHandle, into copy: inout Copy) throws {
    let end = line.isEnded ? line.end - 1 : line.end
    var offset = line.start
    while offset < end {
      let bytes = try source.read(count: min(Self.windowSize, end - offset), at: offset)
      guard !bytes.isEmpty else {
        throw StoreError("\(path): another program cut the file meanwhile; try again")
      }
      let (findings, used) = salvage.findings(in: bytes[...], isEnd: offset + bytes.count == end)
      for finding in findings { try take(finding, at: offset + finding.bytes.startIndex, into: &copy) }
      offset += used
    }
  }

  private func take(_ finding: Salvage.Finding, at offset: Int, into copy: inout Copy) throws {
    switch finding.content {
    case .whole:
      copy.outcome.recovered += 1
      return try copy.good.add(line: finding.bytes)
    case .doubtful(let record):
      try copy.good.add(line: record.dropLast())
      copy.outcome.doubtful.add(
        bad(finding, offset, copy.line, "is damaged, and was kept as it can be read"))
    case .unreadable:
      copy.outcome.dropped.add(bad(finding, offset, copy.line, "can't be read, and was dropped"))
    }
    if copy.bad == nil { copy.bad = BufferedWriter(try FileHandle(path: badPath, flags: .createNew)) }
    try copy.bad?.add(line: finding.bytes)
  }

  private func bad(
    _ finding: Salvage.Finding, _ offset: Int, _ line: Int, _ reason: String
  ) -> StoreFile.BadRecord {
    let shown = finding.bytes.prefix(Self.shownSize).map { $0 >= 0x20 && $0 < 0x7f ? $0 : UInt8(ascii: ".") }
    return StoreFile.BadRecord(
      line: line, offset: offset,
      reason: "\(reason): \(String(decoding: shown, as: UTF8.self))"
        + (finding.bytes.count > shown.count ? "… (\(finding.bytes.count) bytes)" : ""))
  }
}
