import Wire

/// Finds what can be kept of a damaged line: records that are glued together because a newline was lost,
/// records with a byte-order mark or carriage returns around them, and records after other bytes.
struct Salvage {
  /// A part of a line.
  struct Finding {
    enum Content {
      /// A record as it was written.
      case whole
      /// A readable record whose checksum doesn't match. `record` has a new checksum, and a member that says
      /// that it was damaged.
      case doubtful(record: [UInt8])
      case unreadable
    }

    /// The part, without a newline. Its indices are those of the line.
    let bytes: ArraySlice<UInt8>
    let content: Content
  }

  let kind: StoreFile.Kind

  /// Takes a line apart, in order. White space and byte-order marks between records are left out.
  /// - Parameter isEnd: whether the line ends here. If not, the last part may go on, and is left for the next
  ///   call.
  /// - Returns: the findings, and how many bytes were used.
  func findings(in line: ArraySlice<UInt8>, isEnd: Bool) -> (findings: [Finding], used: Int) {
    var findings: [Finding] = []
    var position = line.startIndex
    /// The beginning of the bytes that aren't part of a whole record.
    var rest = position
    while let brace = line[position...].firstIndex(of: UInt8(ascii: "{")) {
      switch JSONExtent.end(in: line, from: brace) {
      case .object(let end):
        guard isWhole(line[brace..<end]) else { break }
        add(line[rest..<brace], to: &findings)
        findings.append(Finding(bytes: line[brace..<end], content: .whole))
        (position, rest) = (end, end)
        continue
      case .unfinished where !isEnd && line.endIndex - brace < LineReader.maximumLine:
        add(line[rest..<brace], to: &findings)
        return (findings, brace - line.startIndex)
      case .unfinished, .none:
        break
      }
      position = brace + 1
    }
    add(line[rest...], to: &findings)
    return (findings, line.count)
  }

  /// Whether bytes are a record of this kind, as it was written.
  func isWhole(_ bytes: ArraySlice<UInt8>) -> Bool {
    guard let object = try? RecordLine.object(bytes) else { return false }
    return kind == .revocations ? Revocation(object) != nil : Mint(object) != nil
  }

  private func add(_ part: ArraySlice<UInt8>, to findings: inout [Finding]) {
    guard part.contains(where: { !Self.isMark($0) }) else { return }
    for piece in Self.pieces(of: part) {
      let record = kind == .revocations ? Self.readable(piece) : nil
      findings.append(Finding(bytes: piece, content: record.map { .doubtful(record: $0) } ?? .unreadable))
    }
  }

  /// Whether a byte is white space or part of a byte-order mark.
  private static func isMark(_ byte: UInt8) -> Bool {
    [0x20, 0x09, 0x0a, 0x0d, 0xef, 0xbb, 0xbf].contains(byte)
  }

  private static let beginning = Array(#"{""#.utf8)

  /// Splits bytes where records seem to begin.
  private static func pieces(of part: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
    var starts = [part.startIndex]
    var position = part.startIndex + 1
    while position < part.endIndex, let brace = part[position...].firstIndex(of: UInt8(ascii: "{")) {
      if part[brace...].starts(with: beginning) { starts.append(brace) }
      position = brace + 1
    }
    return zip(starts, starts.dropFirst() + [part.endIndex]).map { part[$0..<$1] }
      .filter { $0.contains { !isMark($0) } }
  }

  /// Reads a revocation from damaged bytes. Nil if no `jti` can be read.
  ///
  /// A kept revocation that nobody meant does little harm. A dropped one makes a revoked token valid again.
  private static func readable(_ piece: ArraySlice<UInt8>) -> [UInt8]? {
    if let found = object(piece) {
      return found
    }
    guard let tokenID = tokenID(in: piece) else { return nil }
    var object = JSONObjectWriter()
    object.add("jti", tokenID)
    object.add("revoked_at", 0)
    object.add("reason", "")
    object.add("revoked_by", "")
    return sealed(object.finish())
  }

  /// The object at the beginning of a piece, with all its members. Nil if it isn't a readable revocation.
  private static func object(_ piece: ArraySlice<UInt8>) -> [UInt8]? {
    guard let brace = piece.firstIndex(of: UInt8(ascii: "{")),
      case .object(let end) = JSONExtent.end(in: piece, from: brace)
    else { return nil }
    let bytes = piece[brace..<end]
    let text = RecordLine.withoutChecksum(bytes)
    guard let object = try? JSONObject(parsing: text), Revocation(object) != nil else { return nil }
    let record = sealed(text)
    return (try? RecordLine.object(record.dropLast())) == nil ? nil : record
  }

  /// Adds a member that says that the record was damaged, and a new checksum.
  private static func sealed(_ object: [UInt8]) -> [UInt8] {
    RecordLine.seal(Array(object.dropLast()) + Array(#","damaged":true}"#.utf8))
  }

  /// The longest identifier that is read from damaged bytes. Bytes.
  private static let longestTokenID = 1024

  private static let beforeTokenID = Array(#"{"jti":""#.utf8)

  /// The `jti` of a damaged record; nil if it can't be read. One bit of the record's beginning may have
  /// flipped.
  private static func tokenID(in piece: ArraySlice<UInt8>) -> String? {
    let record = piece.drop { isMark($0) }
    if RecordLine.isNearly(record.prefix(beforeTokenID.count), beforeTokenID) {
      return string(record.dropFirst(beforeTokenID.count))
    }
    // Other programs may write the member elsewhere or with spaces.
    let name = Array(#""jti""#.utf8)
    var rest = record
    while let quote = rest.firstIndex(of: UInt8(ascii: "\"")) {
      rest = rest[quote...]
      guard rest.starts(with: name) else {
        rest = rest.dropFirst()
        continue
      }
      rest = rest.dropFirst(name.count)
      let value = rest.drop { $0 == 0x20 || $0 == UInt8(ascii: ":") }
      if value.first == UInt8(ascii: "\""), let id = string(value.dropFirst()) { return id }
    }
    return nil
  }

  /// The string up to its closing quote, parsed as JSON. Nil if it isn't a string.
  private static func string(_ bytes: ArraySlice<UInt8>) -> String? {
    guard let quote = bytes.prefix(longestTokenID).firstIndex(of: UInt8(ascii: "\"")) else { return nil }
    var value = bytes[..<quote]
    // If a bit of the closing quote has flipped, this is the opening quote of the next member.
    if value.last == UInt8(ascii: ","), RecordLine.isNearly(value.dropLast().suffix(1), [UInt8(ascii: "\"")])
    {
      value = value.dropLast(2)
    }
    let object = beforeTokenID + value + Array(#""}"#.utf8)
    guard let id = (try? JSONObject(parsing: object))?["jti"]?.string, !id.isEmpty else { return nil }
    return id
  }
}
