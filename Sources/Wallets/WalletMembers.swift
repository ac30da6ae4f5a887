import Wire

/// The members of a JSON object, which schemes read as texts.
public struct WalletMembers {
  private let read: (String) throws -> String

  /// - Parameter read: returns the text of a member by its name, or an empty text if it is missing. It throws
  ///   if the member isn't a text.
  public init(_ read: @escaping (String) throws -> String) {
    self.read = read
  }

  /// A member's text, or an empty text if it is missing.
  /// - Throws: what `read` throws if the member isn't a text.
  public func text(_ name: String) throws -> String {
    try read(name)
  }

  /// The bytes of a member in hex, in either case, with or without `0x`.
  /// - Throws: ``WalletRefusal/invalidRequest(_:)`` if the text isn't hex, and what `read` throws.
  public func bytes(hex name: String) throws -> [UInt8] {
    guard let bytes = Hex.decode(try read(name)) else {
      throw WalletRefusal.invalidRequest("invalid hex encoding in \(name)")
    }
    return bytes
  }
}
