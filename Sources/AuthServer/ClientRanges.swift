import POSIX

extension NetworkAddress {
  /// The ranges that a client may have all addresses of, and how many shares of something each of them gets.
  ///
  /// An IPv6 client has a /64 at least. Many get a /56 or a /48 (RFC 6177), but a provider may also have several clients in
  /// one of these.
  var clientRanges: [(range: AddressRange, shares: Int)] {
    let bits = isIPv6 ? [(64, 1), (56, 2), (48, 4)] : [(32, 1)]
    return bits.map { (range(bits: $0), $1) }
  }
}
