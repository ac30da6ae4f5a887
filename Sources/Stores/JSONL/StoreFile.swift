import Logging
import POSIX
import Wire

/// Looks a store's file over, record by record, without changing it and in bounded memory.
public struct StoreFile: Sendable {
  /// What a file holds.
  public enum Kind: String, Sendable {
    case challenges, revocations, mints
  }

  /// A record that isn't what was written.
  public struct BadRecord: Sendable {
    /// From 1.
    public let line: Int
    /// Bytes from the beginning of the file.
    public let offset: Int
    public let reason: String
  }

  /// Bad records of one sort, of which there may be any number.
  public struct BadRecords: Sendable {
    /// How many are kept.
    private static let limit = 1000

    /// The first thousand.
    public private(set) var first: [BadRecord] = []
    public private(set) var count = 0

    mutating func add(_ record: BadRecord) {
      count += 1
      if first.count < Self.limit { first.append(record) }
    }
  }

  public let kind: Kind
  public let path: String
  /// Bytes.
  public let size: Int
  /// Records that are in order.
  public let records: Int
  public let bad: BadRecords
  /// Bad records that harm nobody: a challenge that is damaged is never accepted, and all are gone in a minute.
  public let harmless: BadRecords

  /// The files of a store that exist: the current one, and those that were rotated.
  /// - Throws: ``StoreError``, ``SystemError``.
  public static func all(_ kind: Kind, path: String) throws -> [StoreFile] {
    var paths = [path]
    switch kind {
    case .challenges: paths.append(path + ".1")
    case .mints: paths = try MintArchives(path: path).all() + paths
    case .revocations: break
    }
    return try paths.filter { try FileStatus.ofFile(at: $0) != nil }
      .map { try StoreFile(kind, path: $0) }
  }

  private init(_ kind: Kind, path: String) throws {
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

  /// What is wrong with a line; nil where nothing is.
  private static func fault(
    _ line: LineReader.Line, of handle: FileHandle, _ kind: Kind, number: Int
  ) throws -> String? {
    guard line.isEnded else { return "has no end" }
    let fault = line.isWhole ? fault(line.bytes, kind, number: number) : "is longer than a record can be"
    if let fault, kind != .challenges, try LostWrite.tore(handle, from: line.start, to: line.end - 1) {
      return "\(fault): a power cut tore it before anybody was answered"
    }
    return fault
  }

  /// What is wrong with a line that ends; nil where nothing is.
  static func fault(_ line: ArraySlice<UInt8>, _ kind: Kind, number: Int) -> String? {
    if kind == .challenges {
      let bytes = Array(line) + [UInt8(ascii: "\n")]
      if number == 1 { return ChallengeFileHeader(bytes) == nil ? "is no header" : nil }
      return ChallengeRecord(bytes) == nil ? "is no challenge" : nil
    }
    guard let object = try? RecordLine.object(line) else { return "is damaged" }
    switch kind {
    case .revocations: return Revocation(object) == nil ? "is no revocation" : nil
    default: return Mint(object) == nil ? "is no mint" : nil
    }
  }

  /// Asks of a store's file, or of its lock, what a store asks before it works with it: who owns it, and who may write to it.
  /// - Throws: ``StoreError``, ``SystemError``.
  public static func checkTrust(_ path: String) throws { _ = try SharedFiles.open(path, flags: .read) }

  /// Writes the file anew with all that can be read of it, while others read and append; what can't be read, or only
  /// doubtfully, goes into `<path>.bad-<time>`. Challenges are left as they are.
  /// - Returns: nil where there was nothing to repair.
  /// - Throws: ``StoreError``; the file is as it was then.
  public func repair(clock: Clock, logger: Logger) throws -> StoreRepair.Outcome? {
    guard kind != .challenges, bad.count > 0 else { return nil }
    return try StoreRepair(kind: kind, path: path, clock: clock, logger: logger).run()
  }
}
