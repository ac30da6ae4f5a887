/// What mints are looked up by, as a number of 32 bits. Two keys may share one: whoever finds a mint by it compares the
/// mint itself.
enum MintKey {
  /// The keys of a mint. One without a session has none for it.
  static func all(of mint: Mint) -> [UInt32] {
    var keys = [tokenID(mint.tokenID), subject(mint.subject)]
    if !mint.sessionID.isEmpty { keys.append(sessionID(mint.sessionID)) }
    return keys
  }

  /// The keys that every mint asked for has; none where the query is about something else.
  static func all(of query: MintQuery) -> [UInt32] {
    var keys: [UInt32] = []
    if let value = query.tokenID { keys.append(tokenID(value)) }
    if let value = query.subject { keys.append(subject(value)) }
    if let value = query.sessionID, !value.isEmpty { keys.append(sessionID(value)) }
    return keys
  }

  private static func tokenID(_ value: String) -> UInt32 { key("j", value) }
  private static func subject(_ value: String) -> UInt32 { key("s", value) }
  private static func sessionID(_ value: String) -> UInt32 { key("i", value) }

  private static func key(_ kind: String, _ value: String) -> UInt32 {
    CRC32C.checksum((Array(kind.utf8) + Array(value.utf8))[...])
  }
}
