import Glibc

/// An IPv4 or IPv6 address. An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) counts as IPv4. RFC 4291, section
/// 2.5.5.2.
public struct NetworkAddress: Sendable, Hashable, CustomStringConvertible {
  /// 4 or 16 bytes, in network order.
  let bytes: [UInt8]

  /// Parses an address without port or brackets. `inet_pton(3)`.
  /// - Returns: nil if `text` isn't an address.
  public init?(_ text: some StringProtocol) {
    let text = String(text)
    var v4 = in_addr()
    if inet_pton(AF_INET, text, &v4) == 1 {
      bytes = withUnsafeBytes(of: &v4) { Array($0) }
      return
    }
    var v6 = in6_addr()
    guard inet_pton(AF_INET6, text, &v6) == 1 else { return nil }
    let all = withUnsafeBytes(of: &v6) { Array($0) }
    let isMapped = all[..<10].allSatisfy { $0 == 0 } && all[10] == 0xff && all[11] == 0xff
    bytes = isMapped ? Array(all[12...]) : all
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  /// The addresses that begin with the same bits as this one.
  /// - Parameter bits: at most as many as the address has.
  public func range(bits: Int) -> AddressRange {
    let masked = bytes.indices.map {
      bytes[$0] & ~UInt8(truncatingIfNeeded: 0xff >> min(8, max(0, bits - $0 * 8)))
    }
    return AddressRange(first: NetworkAddress(bytes: masked), bits: min(bits, bytes.count * 8))
  }

  public var isIPv6: Bool { bytes.count == 16 }

  public var description: String {
    let family = bytes.count == 4 ? AF_INET : AF_INET6
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    inet_ntop(family, bytes, &text, socklen_t(text.count))
    return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}

/// Addresses that begin with the same bits. RFC 4632, section 3.1.
public struct AddressRange: Sendable, Hashable, CustomStringConvertible {
  private let first: NetworkAddress
  private let bits: Int

  init(first: NetworkAddress, bits: Int) {
    self.first = first
    self.bits = bits
  }

  /// Reads `10.0.0.0/8`, `2001:db8::/32` or a single address; nil for anything else.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard let address = NetworkAddress(parts[0]) else { return nil }
    first = address
    guard parts.count > 1 else {
      bits = address.bytes.count * 8
      return
    }
    guard parts.count == 2, parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let bits = Int(parts[1]),
      bits <= address.bytes.count * 8
    else { return nil }
    self.bits = bits
  }

  /// The range as ``init(_:)`` reads it: `192.0.2.1` for a single address, else `2001:db8::/64`.
  public var description: String {
    bits == first.bytes.count * 8 ? "\(first)" : "\(first)/\(bits)"
  }

  /// Whether the address has the range's prefix. An IPv4 range contains no IPv6 address.
  public func contains(_ address: NetworkAddress) -> Bool {
    guard address.bytes.count == first.bytes.count else { return false }
    return (0..<bits).allSatisfy { bit in
      (address.bytes[bit / 8] ^ first.bytes[bit / 8]) & (0x80 >> (bit % 8)) == 0
    }
  }
}
