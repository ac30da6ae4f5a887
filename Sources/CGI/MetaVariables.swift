import Glibc

// RFC 3875: a web server's meta-variables to a request, a response back to the web server, and the
// router between. No C library, no authentication.

/// The meta-variables of one request that this program looks at; all others are dropped unread.
///
/// A request has about 25. Keeping the few that matter is what makes a request cheap.
public struct MetaVariables: Sendable {
  private struct Entry {
    let input: RequestInput
    let text: [UInt8]
    let isHeaderField: Bool
  }

  /// What we look for, by the length of the name: an entry is compared with one or two.
  private static let entriesByLength: [[Entry]] = {
    var table: [[Entry]] = []
    for input in RequestInput.allCases {
      let text = Array(input.variable.utf8)
      while table.count <= text.count { table.append([]) }
      table[text.count].append(Entry(input: input, text: text, isHeaderField: input.isHeaderField))
    }
    return table
  }()

  /// What the names of the web server's requirements begin with.
  private static let beforeRequirement = Array("PICO_AUTH_REQ".utf8)

  private var values = [String?](repeating: nil, count: RequestInput.allCases.count)
  /// A variable that looks like a requirement of the web server's, and is none there is.
  public private(set) var unknownRequirement: String?
  /// The inputs that came in more than one variable, a bit each.
  private var repeated: UInt32 = 0

  public init() {}

  /// Reads an environment: pointers to `NAME=value`, the last one nil, as in `environ(7)`.
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

  public subscript(input: RequestInput) -> String? {
    get { values[input.rawValue] }
    set { values[input.rawValue] = newValue }
  }

  /// Whether a header field came in more than one variable. The order then tells nothing: lighttpd hands over
  /// `X.Forwarded.For` under the name of X-Forwarded-For, wherever that stands.
  public func isRepeated(_ input: RequestInput) -> Bool { repeated & 1 << input.rawValue != 0 }

  /// Adds a variable, if it is one that this program looks at. Bytes that aren't UTF-8 become U+FFFD and so match
  /// nothing.
  public mutating func add(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
    guard name.count < Self.entriesByLength.count,
      let entry = Self.entriesByLength[name.count].first(where: { $0.text.elementsEqual(name) })
    else {
      if name.starts(with: Self.beforeRequirement) {
        unknownRequirement = String(decoding: name, as: UTF8.self)
      }
      return
    }
    let value = String(decoding: value, as: UTF8.self)
    if entry.isHeaderField, let earlier = self[entry.input] {
      // nginx hands over a field sent twice as two parameters, other servers as one list. One meaning
      // for both: the list, which is no valid credential.
      self[entry.input] = earlier + (entry.input == .cookie ? "; " : ", ") + value
      repeated |= 1 << entry.input.rawValue
    } else {
      self[entry.input] = value
    }
  }
}
