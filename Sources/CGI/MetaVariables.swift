import Glibc

// The module CGI owns the request, the response and the router between them, as RFC 3875 describes them:
// meta-variables, problem documents and the lanes of work. It uses no C library, and knows neither FastCGI nor
// authentication.

/// The meta-variables of one request, as far as ``RequestInput`` declares them. It drops all others.
///
/// A request has about 25 variables. Copying only the declared ones keeps a request cheap.
public struct MetaVariables: Sendable {
  private struct Entry {
    let input: RequestInput
    let text: [UInt8]
    let isHeaderField: Bool
  }

  /// The declared inputs by the length of their names, so that a name is compared with one or two of them.
  private static let entriesByLength: [[Entry]] = {
    var table: [[Entry]] = []
    for input in RequestInput.allCases {
      let text = Array(input.variable.utf8)
      while table.count <= text.count { table.append([]) }
      table[text.count].append(Entry(input: input, text: text, isHeaderField: input.isHeaderField))
    }
    return table
  }()

  /// The prefix of the variables with which the web server's configuration sets requirements.
  private static let requirementPrefix = Array("PICO_AUTH_REQ".utf8)

  private var values = [String?](repeating: nil, count: RequestInput.allCases.count)
  /// The name of a variable that has the prefix of a requirement and is none, such as a misspelled one. The gate
  /// refuses the request.
  public private(set) var unknownRequirement: String?
  /// The inputs that came in more than one variable, a bit each.
  private var repeated: UInt64 = 0

  public init() {}

  /// Reads an environment: C strings `NAME=value`, and nil after the last. `environ(7)`.
  public init(environment: UnsafePointer<UnsafeMutablePointer<CChar>?>) {
    var next = environment
    while let entry = next.pointee {
      let text = UnsafeRawBufferPointer(start: entry, count: strlen(entry))
      if let equals = text.firstIndex(of: UInt8(ascii: "=")) {
        add(
          name: UnsafeRawBufferPointer(rebasing: text[..<equals]),
          value: UnsafeRawBufferPointer(rebasing: text[(equals + 1)...]))
      }
      next += 1
    }
  }

  /// The value of a variable; nil if the web server didn't set it.
  public subscript(input: RequestInput) -> String? {
    get { values[input.rawValue] }
    set { values[input.rawValue] = newValue }
  }

  /// Whether a header field came in more than one variable. Their order means nothing then: lighttpd passes
  /// `X.Forwarded.For` under the name of X-Forwarded-For, before or after the real field.
  public func isRepeated(_ input: RequestInput) -> Bool { repeated & 1 << input.rawValue != 0 }

  /// Adds a variable, if it is one that this program looks at. Bytes that aren't UTF-8 become U+FFFD and so match
  /// nothing.
  public mutating func add(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
    guard name.count < Self.entriesByLength.count,
      let entry = Self.entriesByLength[name.count].first(where: { $0.text.elementsEqual(name) })
    else {
      if name.starts(with: Self.requirementPrefix) {
        unknownRequirement = String(decoding: name, as: UTF8.self)
      }
      return
    }
    let value = String(decoding: value, as: UTF8.self)
    if entry.isHeaderField, let earlier = self[entry.input] {
      // If a client sends a header field twice, nginx passes two parameters and other servers pass one list. Both
      // become the list (RFC 9110, section 5.3; for cookies RFC 9113, section 8.2.3), which isn't a valid credential.
      self[entry.input] = earlier + (entry.input == .cookie ? "; " : ", ") + value
      repeated |= 1 << entry.input.rawValue
    } else {
      self[entry.input] = value
    }
  }
}
