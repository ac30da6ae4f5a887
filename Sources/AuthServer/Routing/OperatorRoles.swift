import Gate
import Wire

/// The roles of operators: `operator`, and the one that `admin_role` names.
struct OperatorRoles: Sendable {
  let names: [String]

  init(_ settings: Settings) {
    names =
      settings.adminRole.hasSameBytes(as: "operator") ? ["operator"] : [settings.adminRole, "operator"]
  }

  /// Whether a caller is an operator.
  func include(_ caller: Identity) -> Bool {
    caller.claims.role.map { names.containsBytes(of: $0) } ?? false
  }

  /// - Throws: `Refusal` 403 if a caller is no operator.
  func require(_ caller: Identity) throws(Refusal) {
    guard include(caller) else { throw refusal }
  }

  /// 403: the caller is no operator.
  var refusal: Refusal { .lackingRole(names) }
}
