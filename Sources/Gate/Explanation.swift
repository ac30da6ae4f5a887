import Tokens

/// Why the gate lets a token pass, or doesn't: every check by itself, and what the gate decides.
public struct Explanation: Sendable {
  public let checks: [TokenCheck]
  /// 204, 401 or 403.
  public let status: Int
  /// What a refused client is told; empty where the token passes.
  public let detail: String
}

extension AccessGate {
  /// Runs the decision on a token, and lists every check that it makes.
  /// - Throws: `StoreError` where the store can't tell whether the token was revoked.
  public func explain(_ token: String, requiring requirements: Requirements) throws -> Explanation {
    let observer = CheckObserver()
    do {
      let credential = try CredentialReader.bearer("Bearer \(token)")
      _ = try decide(credential, agent: { nil }, [requirements], CheckRun(observer: observer))
      return Explanation(checks: observer.checks, status: 204, detail: "")
    } catch let refusal as Refusal {
      // Where the token can't even stand in a field, no check was made.
      let checks =
        observer.checks.isEmpty
        ? [TokenCheck(name: "form", finding: "\(refusal)", passes: false)] : observer.checks
      let problem = refusal.problem
      return Explanation(checks: checks, status: problem.status.code, detail: problem.detail)
    }
  }
}
