import Tokens

/// Why the gate lets a token pass or refuses it.
public struct Explanation: Sendable {
  /// Every check, in the order in which the gate makes them.
  public let checks: [TokenCheck]
  /// The status of the gate's answer: 204, 401 or 403.
  public let status: Int
  /// The `detail` of the refusal's answer; empty if the token passes.
  public let detail: String
}

extension AccessGate {
  /// Decides on a token, and lists every check that the gate makes.
  /// - Parameters:
  ///   - token: the text behind `Bearer `.
  ///   - requirements: what the identity must have.
  /// - Throws: `StoreError` if the store can't tell whether the token is revoked.
  public func explain(_ token: String, requiring requirements: Requirements) throws -> Explanation {
    let observer = CheckObserver()
    do {
      let credential = try CredentialReader.bearer("Bearer \(token)")
      _ = try decide(credential, agent: { nil }, [requirements], CheckRun(observer: observer))
      return Explanation(checks: observer.checks, status: 204, detail: "")
    } catch let refusal as Refusal {
      // The gate makes no check of a text that isn't a bearer token at all.
      let checks =
        observer.checks.isEmpty
        ? [TokenCheck(name: "form", finding: "\(refusal)", passes: false)] : observer.checks
      let problem = refusal.problem
      return Explanation(checks: checks, status: problem.status.code, detail: problem.detail)
    }
  }
}
