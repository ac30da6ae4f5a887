import CGI
import HTTPTypes

/// The answer to a refused client: status, detail and WWW-Authenticate. Existing clients show the details, so API.md
/// fixes them.
extension Refusal: ProblemConvertible, CustomStringConvertible {
  public var description: String { detail }

  /// A 401 or 403 problem document. A 401 has a WWW-Authenticate field, and so has a 403 for a requirement that isn't
  /// met.
  public var problem: Problem {
    switch reason {
    case .missing: unauthorized(nil)
    case .malformed: unauthorized("invalid_request")
    case .expired, .revoked, .invalid, .wrongKind, .subjectMissing, .sessionOver, .reused, .maySignInNoLonger,
      .unusableChallenge, .unproven, .wrongPassword, .wrongFleetSecret:
      unauthorized("invalid_token")
    case .lackingRole(let names), .lackingScope(let names): forbidden(scope: names)
    case .lackingGroup, .lackingAudience: forbidden(scope: [])
    case .foreignOrigin, .unclearRequirement, .passwordLoginDisabled, .roleNotAllowed:
      Problem(.forbidden, detail)
    }
  }

  private var detail: String {
    switch reason {
    case .missing: "Missing or invalid Authorization header"
    case .malformed:
      switch kind {
      case .bearer, .refresh: "Missing or invalid Authorization header"
      case .cookie: "Missing or invalid cookie"
      case .agent: "Invalid agent token: not a bearer token"
      }
    case .expired:
      switch kind {
      case .bearer, .cookie: "Token has expired"
      case .agent: "Agent token has expired"
      case .refresh: "refresh expired"
      }
    case .revoked(let tokenID):
      switch kind {
      case .bearer, .cookie: "Token revoked (jti=\(tokenID))"
      case .agent: "Invalid agent token: Token revoked (jti=\(tokenID))"
      case .refresh: "refresh invalid: token revoked"
      }
    case .invalid(let reason):
      switch kind {
      case .bearer, .cookie: "Invalid token: \(reason)"
      case .agent: "Invalid agent token: Invalid token: \(reason)"
      case .refresh: "refresh invalid: \(reason)"
      }
    case .wrongKind:
      switch kind {
      case .bearer, .cookie: "Invalid token: a refresh token is no access token"
      case .agent: "Invalid agent token: Invalid token: a refresh token is no access token"
      case .refresh: "refresh invalid: not a refresh token"
      }
    case .subjectMissing: "missing sub"
    case .foreignOrigin: "Origin must be this site's where a cookie is used"
    case .sessionOver: "Session has ended"
    case .reused: "refresh invalid: reused"
    case .maySignInNoLonger: "refresh invalid: the subject may no longer sign in"
    case .lackingRole(let names): "Requires one of roles: \(Self.list(names))"
    case .lackingGroup(let names): "Requires one of groups: \(Self.list(names))"
    case .lackingScope(let names): "Requires one of scopes: \(Self.list(names))"
    case .lackingAudience(let names): "Requires one of audiences: \(Self.list(names))"
    case .unclearRequirement: "unclear requirement"
    case .unusableChallenge: "invalid or expired challenge"
    case .unproven(let detail): detail
    case .wrongPassword: "invalid credentials"
    case .passwordLoginDisabled: "password login disabled"
    case .wrongFleetSecret: "invalid X-Fleet-Secret"
    case .roleNotAllowed(let role): "role not allowed: \(role)"
    }
  }

  /// 401 with a WWW-Authenticate field. RFC 6750, section 3.
  /// - Parameter error: the error code; nil if the client sent no credentials, as section 3.1 asks.
  private func unauthorized(_ error: String?) -> Problem {
    Problem(.unauthorized, detail, fields: [.wwwAuthenticate: challenge(error, scope)])
  }

  /// 403 for a good credential that doesn't meet the requirements. RFC 6750, section 3.1.
  /// - Parameter scope: the roles or scopes of which one suffices.
  private func forbidden(scope: [String]) -> Problem {
    Problem(.forbidden, detail, fields: [.wwwAuthenticate: challenge("insufficient_scope", scope)])
  }

  /// The value of a WWW-Authenticate field. RFC 6750, section 3.
  /// - Parameters:
  ///   - error: the error code; nil for a bare `Bearer`.
  ///   - scope: the roles or scopes of which one suffices.
  private func challenge(_ error: String?, _ scope: [String]) -> String {
    var parameters: [String] = []
    if let error {
      parameters = ["error=\"\(error)\"", "error_description=\"\(Self.quotable(detail))\""]
    }
    if !scope.isEmpty { parameters.append("scope=\"\(Self.quotable(scope.joined(separator: " ")))\"") }
    return parameters.isEmpty ? "Bearer" : "Bearer " + parameters.joined(separator: ", ")
  }

  /// Names as pico-server-auth writes them: `['a', 'b']`.
  private static func list(_ names: [String]) -> String {
    "[\(names.map { "'\($0)'" }.joined(separator: ", "))]"
  }

  /// Replaces every byte that `error_description` and `scope` may not have with an apostrophe. RFC 6750, section 3.
  private static func quotable(_ text: String) -> String {
    String(
      decoding: text.utf8.lazy.map {
        (0x20...0x7e).contains($0) && $0 != 0x22 && $0 != 0x5c ? $0 : UInt8(ascii: "'")
      }, as: UTF8.self)
  }
}
