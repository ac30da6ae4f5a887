import POSIX
import Wire

/// Looks a store's file over, record by record, without changing it.
public struct StoreFile: Sendable {
  /// What a file holds.
  public enum Kind: String, Sendable {
    case challenges, revocations, mints
  }

  /// A record that isn't what was written.
  public struct BadRecord: Sendable {
    /// From 1.
    public let line: Int
    public let reason: String
  }

  public let kind: Kind
  public let path: String
  /// Bytes.
  public let size: Int
  /// Records that are in order.
  public let records: Int
  public let bad: [BadRecord]

  /// The files of a store that exist: the current one, and those that were turned over.
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
    var lines = AppendedLines(path: path)
    var number = 0
    var bad: [BadRecord] = []
    _ = try lines.read { line in
      number += 1
      if let reason = Self.fault(line, kind, number: number) {
        bad.append(BadRecord(line: number, reason: reason))
      }
    }
    if !lines.unfinished.isEmpty {
      number += 1
      bad.append(BadRecord(line: number, reason: "has no end"))
    }
    self.kind = kind
    self.path = path
    self.bad = bad
    size = try FileStatus.ofFile(at: path)?.size ?? 0
    // The first line of a file of challenges is its header.
    records = number - bad.count - (kind == .challenges ? 1 : 0)
  }

  /// What is wrong with a line; nil where nothing is.
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

  /// Takes the bad records out into `<path>.bad-<time>`, while others read and append. Challenges are left as
  /// they are: a bad one is never accepted, and all are gone in a minute.
  /// - Returns: how many were taken out.
  /// - Throws: ``StoreError``, ``SystemError``; the file is as it was then.
  public func repair(clock: Clock) throws -> Int {
    guard kind != .challenges, !bad.isEmpty else { return 0 }
    return try FileLock(path: path + ".lock").withLock {
      var good: [UInt8] = []
      var taken: [UInt8] = []
      var count = 0
      for line in try Files.read(path, limit: .max).split(separator: UInt8(ascii: "\n")) {
        if Self.fault(line, kind, number: 0) == nil {
          good += line + [UInt8(ascii: "\n")]
        } else {
          taken += line + [UInt8(ascii: "\n")]
          count += 1
        }
      }
      guard try Files.createWhole("\(path).bad-\(clock.seconds)", taken) else {
        throw StoreError("\(path).bad-\(clock.seconds) exists already")
      }
      let draftPath = path + ".repaired"
      try Files.remove(draftPath)
      let draft = try FileHandle(path: draftPath, flags: .createNew)
      if let source = try SharedFiles.open(path, flags: .read) { try draft.giveOwner(of: source) }
      try draft.writeAll(good, at: 0)
      try draft.synchronize()
      try Files.rename(draftPath, to: path)
      try Files.synchronizeFolder(of: path)
      return count
    }
  }
}
