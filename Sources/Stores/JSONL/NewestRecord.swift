import POSIX

/// When the newest record of an installation was written.
enum NewestRecord {
  /// The later of the last revocation and the last mint, as they tell themselves; the time of the log's last change where
  /// neither has a time. Seconds since 1970.
  ///
  /// The last of each, and not the latest: a clock that once was ahead leaves its mark for no longer.
  /// - Throws: ``SystemError``, ``StoreError``, ``RecordLine/Damaged``.
  static func time(log: FileHandle, before end: Int, mints: (any MintAuditStore)?) throws -> Double {
    var times: [Double] = []
    var lines = try BackwardLines(log, before: end)
    while let line = try lines.next() {
      if line.bytes.isEmpty { continue }
      let revokedAt = try RevocationLine.times(line.bytes).revokedAt
      if revokedAt > 0 {
        times.append(revokedAt)
        break
      }
    }
    if let mint = try mints?.list(MintQuery(limit: 1)).mints.first, mint.issuedAt > 0 {
      times.append(Double(mint.issuedAt))
    }
    return try times.max() ?? Double(try log.status().modified) / 1e9
  }
}
