import Glibc

/// The grammar of URIs, by bytes: RFC 3986, appendix A.
enum URIGrammar {
  typealias Text = ArraySlice<UInt8>

  /// `URI`.
  static func isURI(_ text: Text) -> Bool {
    guard let colon = text.firstIndex(of: UInt8(ascii: ":")), isScheme(text[..<colon]) else { return false }
    var rest = text[(colon + 1)...]
    for mark in [UInt8(ascii: "#"), UInt8(ascii: "?")] {
      guard let position = rest.firstIndex(of: mark) else { continue }
      guard matches(rest[(position + 1)...], isQuery) else { return false }
      rest = rest[..<position]
    }
    guard rest.starts(with: "//".utf8) else { return matches(rest, isPath) }
    let (authority, path) = split(rest.dropFirst(2))
    return isAuthority(authority) && matches(path, isPath)
  }

  /// The scheme and the authority of a URI, or nil if it has no authority.
  static func origin(ofURI uri: Text) -> (scheme: Text, authority: Text)? {
    guard isURI(uri), let colon = uri.firstIndex(of: UInt8(ascii: ":")),
      uri[(colon + 1)...].starts(with: "//".utf8)
    else { return nil }
    let (authority, _) = split(
      uri[(colon + 3)...].prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") })
    return (uri[..<colon], authority)
  }

  /// `scheme`.
  static func isScheme(_ text: Text) -> Bool {
    guard let first = text.first, isLetter(first) else { return false }
    return text.allSatisfy { isLetter($0) || isDigit($0) || "+-.".utf8.contains($0) }
  }

  /// `authority`, which may be empty.
  static func isAuthority(_ text: Text) -> Bool {
    var text = text
    if let at = text.firstIndex(of: UInt8(ascii: "@")) {
      guard matches(text[..<at], { isName($0) || $0 == UInt8(ascii: ":") }) else { return false }
      text = text[(at + 1)...]
    }
    if text.first == UInt8(ascii: "[") {
      guard let end = text.firstIndex(of: UInt8(ascii: "]")) else { return false }
      return isAddress(text[(text.startIndex + 1)..<end]) && isPortSuffix(text[(end + 1)...])
    }
    let end = text.firstIndex(of: UInt8(ascii: ":")) ?? text.endIndex
    return matches(text[..<end], isName) && isPortSuffix(text[end...])
  }

  /// `*pchar`.
  static func isSegment(_ text: Text) -> Bool { matches(text, isSegmentCharacter) }

  /// `reserved / unreserved`.
  static func isReservedOrUnreserved(_ byte: UInt8) -> Bool {
    isName(byte) || ":/?#[]@".utf8.contains(byte)
  }

  static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- UInt8(ascii: "a") < 26 }

  static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

  // MARK: - Parts

  /// The authority, and the path behind it, which is empty or begins with a slash.
  private static func split(_ text: Text) -> (authority: Text, path: Text) {
    let slash = text.firstIndex(of: UInt8(ascii: "/")) ?? text.endIndex
    return (text[..<slash], text[slash...])
  }

  /// `[ ":" port ]`.
  private static func isPortSuffix(_ text: Text) -> Bool {
    text.isEmpty || text.first == UInt8(ascii: ":") && text.dropFirst().allSatisfy(isDigit)
  }

  /// `IPv6address / IPvFuture`.
  private static func isAddress(_ text: Text) -> Bool {
    if let first = text.first, first | 0x20 == UInt8(ascii: "v") {
      guard let dot = text.firstIndex(of: UInt8(ascii: ".")) else { return false }
      let (version, address) = (text[(text.startIndex + 1)..<dot], text[(dot + 1)...])
      return !version.isEmpty && version.allSatisfy(isHexDigit)
        && !address.isEmpty && address.allSatisfy { isName($0) || $0 == UInt8(ascii: ":") }
    }
    // inet_pton(3) takes a C string, and accepts exactly RFC 3986's forms.
    guard text.count < Int(INET6_ADDRSTRLEN), !text.contains(0) else { return false }
    var address = in6_addr()
    return inet_pton(AF_INET6, text.map { CChar(bitPattern: $0) } + [0], &address) == 1
  }

  /// Whether all bytes are allowed ones, or stand in `pct-encoded`.
  private static func matches(_ text: Text, _ isAllowed: (UInt8) -> Bool) -> Bool {
    var position = text.startIndex
    while position < text.endIndex {
      if text[position] == UInt8(ascii: "%") {
        guard text.endIndex - position > 2, isHexDigit(text[position + 1]), isHexDigit(text[position + 2])
        else { return false }
        position += 3
      } else {
        guard isAllowed(text[position]) else { return false }
        position += 1
      }
    }
    return true
  }

  /// `unreserved / sub-delims`.
  private static func isName(_ byte: UInt8) -> Bool {
    isLetter(byte) || isDigit(byte) || "-._~!$&'()*+,;=".utf8.contains(byte)
  }

  private static func isSegmentCharacter(_ byte: UInt8) -> Bool {
    isName(byte) || byte == UInt8(ascii: ":") || byte == UInt8(ascii: "@")
  }

  private static func isPath(_ byte: UInt8) -> Bool { isSegmentCharacter(byte) || byte == UInt8(ascii: "/") }

  private static func isQuery(_ byte: UInt8) -> Bool { isPath(byte) || byte == UInt8(ascii: "?") }

  private static func isHexDigit(_ byte: UInt8) -> Bool {
    isDigit(byte) || (byte | 0x20) &- UInt8(ascii: "a") < 6
  }
}
