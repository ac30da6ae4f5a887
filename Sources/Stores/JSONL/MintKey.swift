/// The keys by which mints are looked up, as numbers of 32 bits. Two texts may have the same key, so a
/// look-up compares the mints that it finds.
enum MintKey {
  /// The keys of a mint: token, subject and, if it has them, `session_id` and `sid`.
  static func all(of mint: Mint) -> [UInt32] {
    var keys = [tokenID(mint.tokenID), subject(mint.subject)]
    if !mint.sessionID.isEmpty { keys.append(sessionID(mint.sessionID)) }
    if !mint.session.isEmpty { keys.append(session(mint.session)) }
    return keys
  }

  /// The keys that every matching mint has. Empty if the query has no such filter.
  static func all(of query: MintQuery) -> [UInt32] {
    var keys: [UInt32] = []
    if let value = query.tokenID { keys.append(tokenID(value)) }
    if let value = query.subject { keys.append(subject(value)) }
    if let value = query.sessionID, !value.isEmpty { keys.append(sessionID(value)) }
    if let value = query.session, !value.isEmpty { keys.append(session(value)) }
    return keys
  }

  private static func tokenID(_ value: String) -> UInt32 { key("j", value) }
  private static func subject(_ value: String) -> UInt32 { key("s", value) }
  private static func sessionID(_ value: String) -> UInt32 { key("i", value) }
  private static func session(_ value: String) -> UInt32 { key("d", value) }

  private static func key(_ kind: String, _ value: String) -> UInt32 {
    CRC32C.checksum((Array(kind.utf8) + Array(value.utf8))[...])
  }
}
