import Logging
import POSIX
import Wire

/// Checks a file of a store, record by record and in bounded memory, without changing it.
public struct StoreFile: Sendable {
  /// The kind of records that a file holds.
  public enum Kind: String, Sendable {
    case challenges, revocations, mints, sessions
    /// The table of subjects beside a file of sessions.
    case subjects
  }

  /// A record that isn't what was written.
  public struct BadRecord: Sendable {
    /// The number of the line, counted from 1. In a file of sessions, that of the session or sector.
    public let line: Int
    /// The offset of the record in the file. Bytes.
    public let offset: Int
    /// What is wrong, as a phrase that follows the file and line.
    public let reason: String
  }

  /// Bad records. There may be any number of them, so only the first are kept.
  public struct BadRecords: Sendable {
    /// How many bad records are kept.
    private static let limit = 1000

    /// The first 1000 bad records.
    public private(set) var first: [BadRecord] = []
    /// How many there are.
    public private(set) var count = 0

    mutating func add(_ record: BadRecord) {
      count += 1
      if first.count < Self.limit { first.append(record) }
    }
  }

  /// The kind of its records.
  public let kind: Kind
  /// Its path.
  public let path: String
  /// Its size. Bytes.
  public let size: Int
  /// How many records are whole.
  public let records: Int
  /// The records that aren't what was written.
  public let bad: BadRecords
  /// Damage that does no harm: challenges, which are never accepted and are gone in a minute, and subjects' texts that a power
  /// loss took.
  public let harmless: BadRecords

  /// Checks all files of a store that exist: the current one, and those that were rotated. A table of
  /// subjects that is gone is bad.
  /// - Parameters:
  ///   - kind: the kind of the store.
  ///   - path: the path of the current file.
  /// - Throws: ``StoreError``, ``SystemError``.
  public static func all(_ kind: Kind, path: String) throws -> [StoreFile] {
    var files = [(kind, path)]
    switch kind {
    case .challenges: files.append((kind, path + ".1"))
    case .mints: files = try MintArchives(path: path).all().map { (kind, $0) } + files
    case .sessions: files.append((.subjects, SessionFiles.tablePath(of: path)))
    case .revocations, .subjects: break
    }
    return try files.filter {
      try FileStatus.ofFile(at: $0.1) != nil
        || $0.0 == .subjects && SubjectTableNote(path: path).isTableGone()
    }.map { try StoreFile($0.0, path: $0.1) }
  }

  private init(_ kind: Kind, path: String) throws {
    if kind == .sessions || kind == .subjects {
      let check = try SessionCheck(kind, path: path)
      self.kind = kind
      self.path = path
      (records, bad, harmless) = (check.records, check.bad, check.harmless)
      size = try FileStatus.ofFile(at: path)?.size ?? 0
      return
    }
    var number = 0
    var records = 0
    var bad = BadRecords()
    var harmless = BadRecords()
    if let handle = try SharedFiles.open(path, flags: .read) {
      var lines = LineReader(handle)
      while let line = try lines.next() {
        number += 1
        if line.isWhole && line.bytes.isEmpty && line.isEnded { continue }
        guard let reason = try Self.fault(line, of: handle, kind, number: number) else {
          // The first line of a file of challenges is its header.
          if kind != .challenges || number > 1 { records += 1 }
          continue
        }
        let record = BadRecord(line: number, offset: line.start, reason: reason)
        if kind == .challenges && number > 1 { harmless.add(record) } else { bad.add(record) }
      }
    }
    self.kind = kind
    self.path = path
    self.records = records
    self.bad = bad
    self.harmless = harmless
    size = try FileStatus.ofFile(at: path)?.size ?? 0
  }

  /// What is wrong with a line of a file; nil if nothing is.
  private static func fault(
    _ line: LineReader.Line, of handle: FileHandle, _ kind: Kind, number: Int
  ) throws -> String? {
    guard line.isEnded else { return "has no newline at its end" }
    let fault = line.isWhole ? fault(line.bytes, kind, number: number) : "is longer than a record can be"
    if let fault, kind != .challenges, try LostWrite.isTorn(handle, from: line.start, to: line.end - 1) {
      return "\(fault): a power loss tore it before pico-auth answered"
    }
    return fault
  }

  /// What is wrong with a line that ends; nil if nothing is.
  static func fault(_ line: ArraySlice<UInt8>, _ kind: Kind, number: Int) -> String? {
    if kind == .challenges {
      let bytes = Array(line) + [UInt8(ascii: "\n")]
      if number == 1 { return ChallengeFileHeader(bytes) == nil ? "isn't a header" : nil }
      return ChallengeRecord(bytes) == nil ? "isn't a challenge" : nil
    }
    guard let object = try? RecordLine.object(line) else { return "is damaged" }
    switch kind {
    case .revocations: return Revocation(object) == nil ? "isn't a revocation" : nil
    default: return Mint(object) == nil ? "isn't a mint" : nil
    }
  }

  /// Checks that a store accepts a file or its lock: who owns it, and who may write to it.
  /// - Throws: ``StoreError`` if the store would refuse it; ``SystemError``.
  public static func checkTrust(_ path: String) throws { _ = try SharedFiles.open(path, flags: .read) }

  /// Writes the file anew with everything that can be read of it. Others can read and append meanwhile. What
  /// can't be read, or only doubtfully, goes to `<path>.bad-<time>`. A file of challenges isn't changed.
  /// - Parameters:
  ///   - clock: the time of day, for the name of that file.
  ///   - logger: gets what happens to the file while it is replaced.
  /// - Returns: nil if nothing needed repair.
  /// - Throws: ``StoreError``. The file is unchanged then.
  public func repair(clock: Clock, logger: Logger) throws -> StoreRepair.Outcome? {
    guard kind != .challenges, bad.count > 0 else { return nil }
    if kind == .sessions || kind == .subjects {
      let path = kind == .subjects ? SessionFiles.path(ofTable: path) : path
      return try SessionRepair(path: path, clock: clock, logger: logger).run()
    }
    return try StoreRepair(kind: kind, path: path, clock: clock, logger: logger).run()
  }
}
