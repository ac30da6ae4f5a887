import POSIX

extension NetworkAddress {
  /// The address ranges that one client may own, each with the number of shares that the range gets.
  ///
  /// An IPv6 client has at least a /64. Many have a /56 or a /48 (RFC 6177), but a provider may also put several
  /// clients into one of these, so the wider ranges get two and four shares.
  var clientRanges: [(range: AddressRange, shares: Int)] {
    let bits = isIPv6 ? [(64, 1), (56, 2), (48, 4)] : [(32, 1)]
    return bits.map { (range(bits: $0), $1) }
  }
}
