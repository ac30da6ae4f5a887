import Wire

/// Reads parameters in the encoding of queries and forms. URL standard, section 5.1 (urlencoded parsing).
public enum FormEncoding {
  /// The parameters, decoded, in their order.
  public static func pairs(_ text: String) -> [(name: String, value: String)] {
    text.split(separator: "&").map { pair in
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return (decoded(parts[0]), parts.count > 1 ? decoded(parts[1]) : "")
    }
  }

  /// The parameters with these names. Ignores all others.
  /// - Throws: ``Problem`` 400 that names a parameter if it is given twice.
  public static func parameters(
    _ names: [String], in pairs: [(name: String, value: String)]
  ) throws(Problem) -> [String: String] {
    var parameters: [String: String] = [:]
    for (name, value) in pairs where names.containsBytes(of: name) {
      guard parameters.updateValue(value, forKey: name) == nil else {
        throw Problem(.badRequest, "\(name) is given twice")
      }
    }
    return parameters
  }

  private static func decoded(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), let value = Hex.decode(String(Substring(rest.prefix(2))))?.first {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte == UInt8(ascii: "+") ? 0x20 : byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
