/// What a web server asks of the application. FastCGI specification, section 6.
public enum Role: Sendable {
  /// The application answers the request. Section 6.2.
  case responder
  /// The application says whether the web server may answer the request. Section 6.3.
  case authorizer

  /// - Parameter number: the role in `FCGI_BEGIN_REQUEST`. Section 5.1.
  /// - Returns: nil for the filter role and for unknown roles.
  init?(_ number: Int) {
    switch number {
    case 1: self = .responder
    case 2: self = .authorizer
    default: return nil
    }
  }
}
