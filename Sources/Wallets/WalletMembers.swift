import Wire

/// The members of a JSON object that schemes read as texts.
public struct WalletMembers {
  private let read: (String) throws -> String

  /// - Parameter read: the text of a member by its name, empty where it is missing. It throws where a member is no
  ///   text.
  public init(_ read: @escaping (String) throws -> String) {
    self.read = read
  }

  /// A member's text, empty where it is missing.
  public func text(_ name: String) throws -> String {
    try read(name)
  }

  /// A member's hex digits as bytes, in either case, with or without `0x`.
  /// - Throws: ``WalletRefusal/invalidRequest(_:)`` where they are no hex.
  public func bytes(hex name: String) throws -> [UInt8] {
    guard let bytes = Hex.decode(try read(name)) else {
      throw WalletRefusal.invalidRequest("invalid hex encoding in \(name)")
    }
    return bytes
  }
}
