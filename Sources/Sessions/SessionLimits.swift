/// How long sessions and their tokens last.
public struct SessionLimits: Sendable {
  /// The lifetime of an access token. Seconds.
  public var accessSeconds: Int
  /// The lifetime of a refresh token. Seconds.
  public var refreshSeconds: Int
  /// The longest duration of a session. Seconds.
  public var sessionSeconds: Int
  /// How long a session with a cookie may be unused. Seconds.
  public var idleSeconds: Int
  /// How long a refresh token that was just exchanged gets the same answer again. Seconds.
  public var graceSeconds: Int

  public init(
    accessSeconds: Int, refreshSeconds: Int, sessionSeconds: Int, idleSeconds: Int, graceSeconds: Int
  ) {
    self.accessSeconds = accessSeconds
    self.refreshSeconds = refreshSeconds
    self.sessionSeconds = sessionSeconds
    self.idleSeconds = idleSeconds
    self.graceSeconds = graceSeconds
  }
}
