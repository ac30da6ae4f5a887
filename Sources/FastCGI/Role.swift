/// What a web server asks of an application. FastCGI specification, section 6.
public enum Role: Sendable {
  /// To answer a request.
  case responder
  /// To say whether a request may be answered by somebody else.
  case authorizer

  /// By its number on the wire; nil for a role that this program doesn't have.
  init?(_ number: Int) {
    switch number {
    case 1: self = .responder
    case 2: self = .authorizer
    default: return nil
    }
  }
}
