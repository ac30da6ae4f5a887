import Tokens
import Wire

extension Requirements {
  /// Holds an identity against each requirement.
  /// - Throws: ``Refusal`` that names what is lacking.
  func check(_ identity: Identity, _ run: CheckRun = .enforcing) throws(Refusal) {
    let claims = identity.claims
    try check("role", roles, of: claims.role.map { [$0] } ?? [], run, Refusal.Reason.lackingRole)
    try check("groups", groups, of: claims.groups, run, Refusal.Reason.lackingGroup)
    try check("scopes", scopes, of: identity.scopes, run, by: Self.scope, Refusal.Reason.lackingScope)
    try check("audiences", audiences, of: claims.audiences, run, Refusal.Reason.lackingAudience)
  }

  /// One list: met by any of its entries that the token has, and by every token where it is empty.
  private func check(
    _ name: String, _ required: [String], of granted: @autoclosure () -> [String], _ run: CheckRun,
    by meets: (_ granted: String, _ required: String) -> Bool = { $0.hasSameBytes(as: $1) },
    _ reason: ([String]) -> Refusal.Reason
  ) throws(Refusal) {
    if required.isEmpty && !run.isObserved { return }
    let granted = granted()
    let text = granted.isEmpty ? "none" : granted.joined(separator: ", ")
    try run.check(name, found: text, given: text) { () throws(Refusal) in
      let isMet =
        required.isEmpty
        || required.contains { required in granted.contains { meets($0, required) } }
      if !isMet { throw Refusal(reason(required)) }
    }
  }
}
