import CGI
import HTTPTypes

extension Problem {
  /// 401 with the challenge that RFC 6750 section 3 asks for.
  /// - Parameter error: its error code; nil where the client gave no credentials at all.
  static func unauthorized(_ detail: String, error: String? = "invalid_token") -> Problem {
    let challenge = error.map { Self.challenge($0, detail) } ?? "Bearer"
    return Problem(.unauthorized, detail, fields: [.wwwAuthenticate: challenge])
  }

  /// The value of a WWW-Authenticate field. RFC 6750, section 3.
  static func challenge(_ error: String, _ detail: String) -> String {
    "Bearer error=\"\(error)\", error_description=\"\(describing(detail))\""
  }

  /// A text with only those characters that an error_description may have.
  private static func describing(_ text: String) -> String {
    String(
      decoding: text.utf8.lazy.map {
        (0x20...0x7e).contains($0) && $0 != 0x22 && $0 != 0x5c ? $0 : UInt8(ascii: "'")
      }, as: UTF8.self)
  }
}
