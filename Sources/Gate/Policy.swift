import Tokens
import Wire

extension Requirements {
  /// Checks an identity against the requirements.
  /// - Parameters:
  ///   - identity: the identity of an authenticated credential.
  ///   - run: reports each check to its observer, if it has one.
  /// - Throws: ``Refusal`` 403 that names the requirement that isn't met.
  func check(_ identity: Identity, _ run: CheckRun = .enforcing) throws(Refusal) {
    let claims = identity.claims
    try check("role", roles, of: claims.role.map { [$0] } ?? [], run, Refusal.Reason.lackingRole)
    try check("groups", groups, of: claims.groups, run, Refusal.Reason.lackingGroup)
    try check("scopes", scopes, of: identity.scopes, run, by: Self.scope, Refusal.Reason.lackingScope)
    try check("audiences", audiences, of: claims.audiences, run, Refusal.Reason.lackingAudience)
  }

  /// Checks one list of requirements. Any entry that the token has meets it. Every token meets an empty list.
  /// - Parameters:
  ///   - name: what the check looks at, for an observer.
  ///   - required: the list.
  ///   - granted: what the token has.
  ///   - meets: whether a granted entry meets a required one.
  ///   - reason: the reason of the refusal.
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
