import POSIX

/// The time of an installation's newest record.
enum NewestRecord {
  /// The time of the last revocation or of the last mint, whichever is later. If neither has a time, the
  /// modification time of the log. Seconds since 1970.
  ///
  /// Only the last record of each counts, not the one with the latest time. So a clock that was once ahead
  /// has no effect after the next record.
  /// - Parameters:
  ///   - end: the offset at which the log's last line ends. Bytes.
  ///   - mints: the mint audit; nil if there is none.
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
