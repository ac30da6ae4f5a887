import Glibc

/// The user and the group that a service runs as.
public struct Account: Sendable {
  /// This host has no such user or group.
  public struct Unknown: Error, CustomStringConvertible {
    public let description: String
  }

  public let name: String
  /// The user id.
  public let user: UInt32
  /// The group id. By default, the user's primary group.
  public var group: UInt32

  /// Looks the user up by name. `getpwnam(3)`.
  /// - Throws: ``Unknown``.
  public init(named name: String) throws(Unknown) {
    guard let entry = getpwnam(name) else { throw Unknown(description: "there is no user \(name)") }
    self.name = name
    user = entry.pointee.pw_uid
    group = entry.pointee.pw_gid
  }

  /// The id of a group. `getgrnam(3)`.
  /// - Throws: ``Unknown``.
  public static func group(named name: String) throws(Unknown) -> UInt32 {
    guard let entry = getgrnam(name) else { throw Unknown(description: "there is no group \(name)") }
    return entry.pointee.gr_gid
  }

  /// The name of a user; the id in digits if the user has no name. `getpwuid(3)`.
  public static func name(of user: UInt32) -> String {
    getpwuid(user).map { String(cString: $0.pointee.pw_name) } ?? "\(user)"
  }

  /// Drops this process's privileges for good: it runs as the user from now on, with the group and the user's other
  /// groups. `initgroups(3)`, `setgid(2)`, `setuid(2)`.
  /// - Throws: ``SystemError``.
  public func assume() throws(SystemError) {
    try retryingOnInterrupt("initgroups") { initgroups(name, group) }
    try retryingOnInterrupt("setgid") { setgid(group) }
    try retryingOnInterrupt("setuid") { setuid(user) }
  }
}
