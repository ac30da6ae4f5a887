import CGI
import HTTPTypes
import Stores
import Tokens
import Wire

/// Why the gate lets a token pass, or doesn't: every check by itself, and what the gate then decides.
public struct GateExplanation: Sendable {
  public let checks: [TokenCheck]
  /// 204, 401 or 403.
  public let status: Int
  /// What a refused client is told; empty where it passes.
  public let detail: String
}

extension Gate {
  /// Runs the gate's own code on a token.
  /// - Throws: ``StoreError`` where it can't be told whether the token was revoked.
  public func explain(_ token: String, requiring requirements: GateRequirements) throws -> GateExplanation {
    var (checks, claims) = tokens.verifier.inspect(token)
    if let claims {
      checks.append(
        Self.check("kind", "an access token") { () throws(AccessTokens.Refusal) in
          try AccessTokens.checkType(claims)
        })
      checks.append(try revocation(claims))
      let identity = GateIdentity(claims: claims, agent: nil)
      for (name, required, found) in Self.parts(of: requirements, identity) {
        checks.append(Self.check(name, found) { () throws(Problem) in try Self.check(identity, required) })
      }
    }
    var fields = HTTPFields()
    fields[.authorization] = "Bearer \(token)"
    do {
      _ = try admit(Request(method: .get, target: "/verify", fields: fields), requiring: requirements)
      return GateExplanation(checks: checks, status: 204, detail: "")
    } catch let problem as Problem {
      return GateExplanation(checks: checks, status: problem.status.code, detail: problem.detail)
    }
  }

  private func revocation(_ claims: Claims) throws -> TokenCheck {
    guard let tokenID = claims.tokenID else {
      return TokenCheck(name: "revocation", finding: "no jti, so it can't be revoked", passes: true)
    }
    let isRevoked = try tokens.revocations.isRevoked(tokenID)
    return TokenCheck(
      name: "revocation", finding: "jti \(tokenID) is \(isRevoked ? "revoked" : "not revoked")",
      passes: !isRevoked)
  }

  /// Each list of the requirements by itself, and what the token has to meet it.
  private static func parts(
    of requirements: GateRequirements, _ identity: GateIdentity
  ) -> [(name: String, GateRequirements, found: String)] {
    let claims = identity.claims
    func text(_ values: [String]) -> String { values.isEmpty ? "none" : values.joined(separator: ", ") }
    return [
      ("role", GateRequirements(roles: requirements.roles), text([claims.role].compactMap { $0 })),
      ("scopes", GateRequirements(scopes: requirements.scopes), text(identity.scopes)),
      ("groups", GateRequirements(groups: requirements.groups), text(claims.groups)),
      ("audiences", GateRequirements(audiences: requirements.audiences), text(claims.audiences)),
    ]
  }

  private static func check<Failure: Error>(
    _ name: String, _ found: String, _ body: () throws(Failure) -> Void
  ) -> TokenCheck {
    do throws(Failure) {
      try body()
      return TokenCheck(name: name, finding: found, passes: true)
    } catch {
      let reason =
        (error as? Problem).map { "\(found): \($0.detail)" } ?? (error as? AccessTokens.Refusal)?.detail
        ?? "\(error)"
      return TokenCheck(name: name, finding: reason, passes: false)
    }
  }
}
