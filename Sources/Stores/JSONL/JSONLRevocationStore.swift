import Logging
import POSIX
import Synchronization
import Wire

/// Revocations in one file, a JSON object a line, which every process follows: what one appended, the next
/// look-up of every other sees. The peer's files are taken as they are.
public final class JSONLRevocationStore: RevocationStore {
  private struct State {
    var index: RevocationIndex
    var isLoaded = false
    var lookups = 0
  }

  public let path: String
  private let clock: Clock
  private let log: AppendLog
  /// Held by the one process that compacts.
  private let compaction: FileLock
  private let state: Mutex<State>

  /// - Parameter path: the file; nothing is revoked while there is none. `<path>.lock` lies beside it.
  public init(path: String, clock: Clock, logger: Logger) {
    self.path = path
    self.clock = clock
    log = AppendLog(path: path, clock: clock, logger: logger)
    compaction = FileLock(path: path + ".compact.lock")
    state = Mutex(State(index: RevocationIndex(path: path, logger: logger)))
  }

  /// Reads the whole file. Without that it is read at the second look-up, and the first just searches it: all
  /// that a CGI script needs.
  public func prepare() throws {
    try reading { state in
      try state.index.refresh()
      state.isLoaded = true
    }
  }

  public func checkWritable() throws {
    try log.locked { try SharedFiles.checkWritable(path) }
  }

  public func isRevoked(_ tokenID: String) throws -> Bool {
    let hash = TokenIDHash(tokenID)
    // The system call stays outside of the lock that all threads take. What had come when it was made is known then.
    let status = try StoreError.translating(path) { try FileStatus.ofFile(at: path) }
    if let answer = state.withLock({ $0.index.answer(hash, asOf: status) }) { return answer }
    return try reading { state in
      state.lookups += 1
      if !state.isLoaded && state.lookups == 1 && Self.isPlain(tokenID) {
        guard let handle = try SharedFiles.open(path, flags: .read) else { return false }
        return try RevocationLine.find(tokenID, in: handle) != nil
      }
      try state.index.refresh()
      state.isLoaded = true
      return state.index.contains(hash)
    }
  }

  public func revoke(_ tokenID: String, reason: String, by actor: String) throws -> Revocation {
    // Read what there is before the lock is taken, which others wait for.
    try prepare()
    let (revocation, end) = try log.locked {
      let end = try log.open(renew: renew)
      if let earlier = try existing(tokenID, end.file.handle) { return (earlier, end) }
      let revocation = Revocation(
        tokenID: tokenID, revokedAt: clock.now, reason: reason, revokedBy: actor)
      return (revocation, try log.append(RecordLine.seal(revocation.json), at: end))
    }
    // An earlier entry too: whoever wrote it may not have seen it reach the disk.
    try log.waitUntilDurable(end, renew: renew)
    return revocation
  }

  public func list(since cursor: String?) throws -> RevocationList {
    try StoreError.translating(path) { try listing(since: cursor) }
  }

  private func listing(since cursor: String?) throws -> RevocationList {
    guard let handle = try SharedFiles.open(path, flags: .read) else {
      return RevocationList(version: "none", cursor: "none") { RevocationReader { nil } }
    }
    let status = try handle.status()
    let end = try BackwardLines.endOfLastLine(of: handle, size: status.size)
    var start = 0
    if let place = cursor.flatMap(FileCursor.init), place.offset <= end, try place.isIn(handle) {
      start = place.offset
    }
    let cursor = try FileCursor(handle, offset: end).text
    let path = path
    return RevocationList(version: "\(cursor).\(String(status.modified, radix: 16))", cursor: cursor) {
      [start] in
      var lines = try StoreError.translating(path) {
        try BackwardLines(handle, before: end, downTo: start)
      }
      return RevocationReader {
        try StoreError.translating(path) {
          while let line = try lines.next() {
            let revocation = try RevocationLine.revocation(
              line.bytes, from: line.start, to: line.end, of: handle)
            if let revocation { return revocation }
          }
          return nil
        }
      }
    }
  }

  /// Rewrites the file without the records that are not to be kept, while others read and append.
  /// - Returns: how many were kept and dropped.
  /// - Throws: ``StoreError``; the file is as it was then.
  public func compact(
    keeping isKept: (Revocation) throws -> Bool
  ) throws -> (kept: Int, dropped: Int) {
    let rewrite = RevocationRewrite(path: path, draftPath: path + ".compact")
    return try StoreError.translating(path) {
      try compaction.withLock {
        // The long part without the log's lock; what is appended meanwhile is added under it.
        guard let draft = try rewrite.begin(isKept) else { return (0, 0) }
        return try log.locked {
          try rewrite.finish(draft, from: try log.open(renew: renew).file, keeping: isKept)
        }
      }
    }
  }

  /// Writes again what a disk may have failed to take; under the log's lock.
  private func renew(_ file: LogFile) throws {
    try RevocationRewrite(path: path, draftPath: path + ".renewed").run(from: file) { _ in true }
  }

  /// The entry that revoked a token; nil where it isn't revoked.
  private func existing(_ tokenID: String, _ handle: FileHandle) throws -> Revocation? {
    let isKnown = try reading { state in
      try state.index.refresh()
      state.isLoaded = true
      return state.index.contains(TokenIDHash(tokenID))
    }
    guard isKnown else { return nil }
    if Self.isPlain(tokenID) { return try RevocationLine.find(tokenID, in: handle) }
    var found: Revocation?
    let reader = try list(since: nil).makeReader()
    while let revocation = try reader.next() {
      if revocation.tokenID.hasSameBytes(as: tokenID) { found = revocation }
    }
    return found
  }

  /// Whether JSON writes a text as it is.
  private static func isPlain(_ text: String) -> Bool {
    text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f && $0 != 0x22 && $0 != 0x5c && $0 != 0x2f }
  }

  private func reading<Value>(_ body: (inout State) throws -> Value) throws -> Value {
    try StoreError.translating(path) { try state.withLock { state in try body(&state) } }
  }
}
