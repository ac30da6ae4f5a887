import POSIX

extension JSONLRevocationStore {
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
}
