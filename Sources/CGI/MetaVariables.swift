import Glibc

// RFC 3875: a web server's meta-variables to a request, a response back to the web server, and the
// router between. No C library, no authentication.

/// The meta-variables of one request that this program looks at; all others are dropped unread.
///
/// A request has about 25. Keeping the few that matter is what makes a request cheap.
public struct MetaVariables: Sendable {
  /// A meta-variable. RFC 3875, section 4.1.
  public enum Name: Int, CaseIterable, Sendable {
    case contentLength, contentType, pathInfo, queryString, remoteAddress, requestMethod, scriptName
    case accept, authorization, cookie, fleetSecret, forwardedFor, forwardedHost, forwardedMethod, host,
      ifNoneMatch
    case agentAuthorization, origin, webSocketKey
    /// What the web server's configuration asks of a request that it wants to let through. No client can set them: the
    /// names of its fields begin with `HTTP_`.
    case requiredAudience, requiredGroup, requiredRole, requiredScope, passToken

    /// Its name in the environment.
    public var text: String {
      switch self {
      case .contentLength: "CONTENT_LENGTH"
      case .contentType: "CONTENT_TYPE"
      case .pathInfo: "PATH_INFO"
      case .queryString: "QUERY_STRING"
      case .remoteAddress: "REMOTE_ADDR"
      case .requestMethod: "REQUEST_METHOD"
      case .scriptName: "SCRIPT_NAME"
      case .accept: "HTTP_ACCEPT"
      case .authorization: "HTTP_AUTHORIZATION"
      case .cookie: "HTTP_COOKIE"
      case .fleetSecret: "HTTP_X_FLEET_SECRET"
      case .forwardedFor: "HTTP_X_FORWARDED_FOR"
      case .forwardedHost: "HTTP_X_FORWARDED_HOST"
      case .forwardedMethod: "HTTP_X_FORWARDED_METHOD"
      case .host: "HTTP_HOST"
      case .agentAuthorization: "HTTP_X_AGENT_AUTHORIZATION"
      case .origin: "HTTP_ORIGIN"
      case .webSocketKey: "HTTP_SEC_WEBSOCKET_KEY"
      case .requiredAudience: "PICO_AUTH_REQUIRE_AUDIENCE"
      case .requiredGroup: "PICO_AUTH_REQUIRE_GROUP"
      case .requiredRole: "PICO_AUTH_REQUIRE_ROLE"
      case .requiredScope: "PICO_AUTH_REQUIRE_SCOPE"
      case .passToken: "PICO_AUTH_PASS_TOKEN"
      case .ifNoneMatch: "HTTP_IF_NONE_MATCH"
      }
    }
  }

  private struct Entry {
    let name: Name
    let text: [UInt8]
    /// Whether it holds a header field of the client's, which may be there more than once.
    let isHeaderField: Bool
  }

  /// What we look for, by the length of the name: an entry is compared with one or two.
  private static let entriesByLength: [[Entry]] = {
    var table: [[Entry]] = []
    for name in Name.allCases {
      let text = Array(name.text.utf8)
      while table.count <= text.count { table.append([]) }
      table[text.count].append(
        Entry(name: name, text: text, isHeaderField: name.text.hasPrefix("HTTP_")))
    }
    return table
  }()

  /// What the names of the web server's requirements begin with.
  private static let beforeRequirement = Array("PICO_AUTH_REQ".utf8)

  private var values = [String?](repeating: nil, count: Name.allCases.count)
  /// A variable that looks like a requirement of the web server's, and is none there is.
  public private(set) var unknownRequirement: String?

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

  public subscript(name: Name) -> String? {
    get { values[name.rawValue] }
    set { values[name.rawValue] = newValue }
  }

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
    if entry.isHeaderField, let earlier = self[entry.name] {
      // nginx hands over a field sent twice as two parameters, other servers as one list. One meaning
      // for both: the list, which is no valid credential.
      self[entry.name] = earlier + (entry.name == .cookie ? "; " : ", ") + value
    } else {
      self[entry.name] = value
    }
  }
}
