import Glibc

/// A user of this host, as a service runs under it.
public struct Account: Sendable {
  /// No such user or group.
  public struct Unknown: Error, CustomStringConvertible {
    public let description: String
  }

  public let name: String
  public let user: UInt32
  /// The user's own group, unless another was asked for.
  public var group: UInt32

  /// By name. `getpwnam(3)`.
  /// - Throws: ``Unknown``.
  public init(named name: String) throws(Unknown) {
    guard let entry = getpwnam(name) else { throw Unknown(description: "there is no user \(name)") }
    self.name = name
    user = entry.pointee.pw_uid
    group = entry.pointee.pw_gid
  }

  /// The number of a group. `getgrnam(3)`.
  /// - Throws: ``Unknown``.
  public static func group(named name: String) throws(Unknown) -> UInt32 {
    guard let entry = getgrnam(name) else { throw Unknown(description: "there is no group \(name)") }
    return entry.pointee.gr_gid
  }

  /// The name of a user; the number in digits where it has none. `getpwuid(3)`.
  public static func name(of user: UInt32) -> String {
    getpwuid(user).map { String(cString: $0.pointee.pw_name) } ?? "\(user)"
  }

  /// Makes this process run as the user from now on, with the user's groups and no way back.
  /// - Throws: ``SystemError``.
  public func assume() throws(SystemError) {
    try retryingOnInterrupt("initgroups") { initgroups(name, group) }
    try retryingOnInterrupt("setgid") { setgid(group) }
    try retryingOnInterrupt("setuid") { setuid(user) }
  }
}
