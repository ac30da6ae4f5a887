import Tokens

/// Why the gate lets a token pass, or doesn't: every check by itself, and what the gate decides.
public struct Explanation: Sendable {
  public let checks: [TokenCheck]
  /// 204, 401 or 403.
  public let status: Int
  /// What a refused client is told; empty where the token passes.
  public let detail: String
}
