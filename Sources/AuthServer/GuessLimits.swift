import POSIX
import Stores

/// How many wrong passwords and secrets are checked, and how fast. docs/security.md says why.
public enum GuessLimits {
  /// Somebody who has forgotten which password it was gets in without a delay. In the long run, four guesses an hour.
  static func account(_ account: String) -> ThrottleLimit {
    ThrottleLimit(subject(account: account), free: 5, interval: 900)
  }

  /// Many people may share an address, so it may fail more often than an account. A /56 and a /48 get as much as two
  /// and four clients.
  static func address(_ client: NetworkAddress) -> [ThrottleLimit] {
    client.clientRanges.map { range, shares in
      ThrottleLimit(
        ThrottleSubject(.address, "\(range)"), free: 20 * shares, interval: 120 / shares)
    }
  }

  /// For an address from which somebody has signed in to the account. The delay is so short that nobody behind the same
  /// address can keep them from signing in again.
  static func known(_ account: String, at client: NetworkAddress) -> ThrottleLimit {
    ThrottleLimit(
      ThrottleSubject(.known, "\(client.clientRanges[0].range) \(normalized(account))"), free: 10, interval: 4
    )
  }

  /// For the fleet secret. It has no account: whoever fails for all would shut out the fleet.
  static func fleet(_ client: NetworkAddress) -> [ThrottleLimit] {
    client.clientRanges.map { range, shares in
      ThrottleLimit(ThrottleSubject(.fleet, "\(range)"), free: 20 * shares, interval: 60 / shares)
    }
  }

  /// The subject of an account's failures.
  /// - Parameter account: the email, in upper or lower case.
  public static func subject(account: String) -> ThrottleSubject {
    ThrottleSubject(.account, normalized(account))
  }

  /// The subjects of an address's failures: the address itself or its IPv6 networks, for passwords and the fleet secret.
  public static func subjects(address: NetworkAddress) -> [ThrottleSubject] {
    (Self.address(address) + fleet(address)).map(\.subject)
  }

  /// The subjects of a range's failures, as ``ThrottleStore/list()`` names it.
  public static func subjects(range: AddressRange) -> [ThrottleSubject] {
    [ThrottleSubject(.address, "\(range)"), ThrottleSubject(.fleet, "\(range)")]
  }

  private static func normalized(_ account: String) -> String { account.lowercased() }
}
