/// Makes untrusted text safe for a log line or a terminal.
///
/// Control characters (C0, DEL, C1) could end the line or control the terminal. Bidirectional and invisible
/// characters could make one text look like another.
public enum VisibleText {
  /// Whether a character is visible and has no effect on the text around it.
  public static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.value < 0x80 { return (0x20...0x7e).contains(scalar.value) }
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned:
      return false
    // These are invisible although their category isn't: fillers and variation selectors, for example.
    default: return !scalar.properties.isDefaultIgnorableCodePoint
    }
  }

  /// The text on one line, with invisible characters as `\n`, `\t` or `\u{hex}`.
  /// - Parameter special: visible characters to escape with a backslash, such as a quote in quoted text.
  public static func escaped(_ text: some StringProtocol, special: Set<Unicode.Scalar> = []) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": result.append(contentsOf: "\\n".unicodeScalars)
      case "\t": result.append(contentsOf: "\\t".unicodeScalars)
      default:
        if !isVisible(scalar) {
          result.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
          continue
        }
        if special.contains(scalar) { result.append("\\") }
        result.append(scalar)
      }
    }
    return String(result)
  }

  /// An equivalent JSON text with escapes for invisible characters. RFC 8259, section 7. Such characters occur only
  /// in strings: `json` must have no white space between its tokens.
  public static func escaped(json: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in json.unicodeScalars {
      if isVisible(scalar) {
        result.append(scalar)
      } else {
        for unit in String(scalar).utf16 {
          let digits = String(unit, radix: 16)
          result.append(
            contentsOf: "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".unicodeScalars)
        }
      }
    }
    return String(result)
  }
}
