import POSIX

/// Writes a file of revocations anew: copied to a draft beside it, flushed, and given the name.
///
/// Interrupted at any step it leaves the file as it was, and a draft that the next rewrite replaces. Nobody else
/// may be at the same draft: a lock is to be held from beginning to end.
struct RevocationRewrite {
  /// A copy of the beginning of a file.
  final class Draft {
    let handle: FileHandle
    /// Held open, so that its inode isn't given to another file meanwhile.
    let source: FileHandle
    /// Bytes of the source that were copied, and of the copy.
    var copied = 0
    var size = 0
    var counts = (kept: 0, dropped: 0)

    init(_ handle: FileHandle, source: FileHandle) {
      self.handle = handle
      self.source = source
    }
  }

  private static let chunkSize = 1 << 20

  let path: String
  let draftPath: String

  /// Copies what there is now, without the lock; nil where there is no file.
  func begin(_ isKept: (Revocation) throws -> Bool) throws -> Draft? {
    guard let source = try SharedFiles.open(path, flags: .read) else { return nil }
    let draft = try makeDraft(of: source)
    try copy(from: source, to: draft, keeping: isKept)
    try draft.handle.synchronizeData()
    return draft
  }

  /// Copies what was appended since and puts the copy in the file's place; under the lock.
  func finish(
    _ draft: Draft, from source: LogFile, keeping isKept: (Revocation) throws -> Bool
  ) throws -> (kept: Int, dropped: Int) {
    guard try draft.source.status().identity == source.identity else {
      throw StoreError("\(path): replaced by another process meanwhile; try again")
    }
    try copy(from: source.handle, to: draft, keeping: isKept)
    try draft.handle.synchronize()
    try Files.rename(draftPath, to: path)
    try Files.synchronizeFolder(of: path)
    return draft.counts
  }

  /// All of it under the lock: for a file whose disk failed, of which whatever is readable is written again.
  func run(from source: LogFile, keeping isKept: (Revocation) throws -> Bool) throws {
    let draft = try makeDraft(of: source.handle)
    _ = try finish(draft, from: source, keeping: isKept)
  }

  private func makeDraft(of source: FileHandle) throws -> Draft {
    try Files.remove(draftPath)
    let handle = try FileHandle(path: draftPath, flags: .createNew)
    try handle.giveOwner(of: source)
    return Draft(handle, source: source)
  }

  private func copy(
    from source: FileHandle, to draft: Draft, keeping isKept: (Revocation) throws -> Bool
  ) throws {
    while true {
      let chunk = try source.read(count: Self.chunkSize, at: draft.copied)
      var output: [UInt8] = []
      var start = 0
      while let end = chunk.firstIndex(of: [UInt8(ascii: "\n")], from: start) {
        let line = chunk[start..<end]
        start = end + 1
        if line.isEmpty { continue }
        if try isKept(try RevocationLine.revocation(line)) {
          output += chunk[line.startIndex...end]
          draft.counts.kept += 1
        } else {
          draft.counts.dropped += 1
        }
      }
      try draft.handle.writeAll(output, at: draft.size)
      draft.size += output.count
      draft.copied += start
      if chunk.count < Self.chunkSize { return }
      guard start > 0 else { throw StoreError("\(path): a line of more than \(Self.chunkSize) bytes") }
    }
  }
}
