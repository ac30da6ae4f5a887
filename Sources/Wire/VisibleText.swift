/// Text from outside as lines of a log and of a terminal may show it.
///
/// Controls (C0, DEL, C1) could end a line or command a terminal; characters that change the direction of text, or that
/// aren't seen, could make one text look like another.
public enum VisibleText {
  /// Whether a character shows as itself and nothing else.
  public static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.value < 0x80 { return (0x20...0x7e).contains(scalar.value) }
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned:
      return false
    // Invisible for other reasons than their category: fillers, variation selectors, and the like.
    default: return !scalar.properties.isDefaultIgnorableCodePoint
    }
  }

  /// A text on one line: what isn't visible as `\n`, `\t` or `\u{hex}`.
  /// - Parameter special: visible characters that get a backslash, such as a quote within quotes.
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

  /// A JSON text that means the same, with escapes for what isn't visible. RFC 8259, section 7: outside of strings
  /// JSON has nothing invisible but white space, which `json` doesn't have either.
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
