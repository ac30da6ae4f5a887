import CGI
import HTTPTypes

extension Problem {
  /// 401 with the challenge that RFC 6750 section 3 asks for.
  /// - Parameters:
  ///   - error: its error code; nil where the client gave no credentials at all.
  ///   - scope: the roles that would do, where roles are asked for.
  static func unauthorized(
    _ detail: String, error: String? = "invalid_token", scope: [String] = []
  ) -> Problem {
    Problem(.unauthorized, detail, fields: [.wwwAuthenticate: challenge(error, detail, scope)])
  }

  /// 403 for good credentials that aren't enough. RFC 6750, section 3.1.
  static func lacking(_ detail: String, scope: [String]) -> Problem {
    Problem(.forbidden, detail, fields: [.wwwAuthenticate: challenge("insufficient_scope", detail, scope)])
  }

  /// Names as the peer writes them in its answers.
  static func list(_ names: [String]) -> String {
    "[\(names.map { "'\($0)'" }.joined(separator: ", "))]"
  }

  /// The value of a WWW-Authenticate field. RFC 6750, section 3.
  static func challenge(_ error: String?, _ detail: String, _ scope: [String]) -> String {
    var parameters: [String] = []
    if let error {
      parameters = ["error=\"\(error)\"", "error_description=\"\(describing(detail))\""]
    }
    if !scope.isEmpty { parameters.append("scope=\"\(describing(scope.joined(separator: " ")))\"") }
    return parameters.isEmpty ? "Bearer" : "Bearer " + parameters.joined(separator: ", ")
  }

  /// A text with only those characters that an error_description may have.
  private static func describing(_ text: String) -> String {
    String(
      decoding: text.utf8.lazy.map {
        (0x20...0x7e).contains($0) && $0 != 0x22 && $0 != 0x5c ? $0 : UInt8(ascii: "'")
      }, as: UTF8.self)
  }
}
