import CGI
import Gate
import Wallets
import Wire

/// The wallet schemes that the settings enable.
struct EnabledSchemes: Sendable {
  private let names: [String]
  private let schemes: [any WalletScheme]

  init(_ settings: Settings, _ schemes: [any WalletScheme]) {
    names = settings.walletAlgorithms
    self.schemes = schemes
  }

  /// The scheme with a name, if it is enabled.
  /// - Throws: ``Problem`` 400 if there is none.
  func named(_ name: String) throws(Problem) -> any WalletScheme {
    guard let scheme = known(name), names.containsBytes(of: name) else {
      throw Problem(.badRequest, "unsupported wallet algorithm: \(name)")
    }
    return scheme
  }

  /// The scheme with a name, enabled or not.
  func known(_ name: String) -> (any WalletScheme)? { schemes.named(name) }
}

extension WalletRefusal {
  /// Turns the refusals of a body into answers: 400 for a request that can't be valid, 401 for one that proves nothing.
  static func answered<Value>(_ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let refusal as WalletRefusal {
      switch refusal {
      case .invalidRequest(let detail): throw Problem(.badRequest, detail)
      case .notProven(let detail): throw Refusal.unproven(detail)
      }
    }
  }
}
