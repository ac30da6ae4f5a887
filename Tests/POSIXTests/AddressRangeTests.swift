import POSIX
import Testing

@Suite struct AddressRangeTests {
  @Test(arguments: [
    ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.0", false),
    ("10.1.2.3", "10.1.2.3", true), ("10.1.2.3", "10.1.2.4", false), ("10.1.2.3/32", "10.1.2.2", false),
    ("0.0.0.0/0", "255.255.255.255", true), ("0.0.0.0/0", "::1", false), ("::/0", "10.0.0.1", false),
    ("192.0.2.128/25", "192.0.2.128", true), ("192.0.2.128/25", "192.0.2.127", false),
    ("192.0.2.77/25", "192.0.2.1", true), ("2001:db8::/32", "2001:db8:ffff::1", true),
    ("2001:db8::/32", "2001:db9::1", false), ("2001:db8::/127", "2001:db8::1", true),
    ("2001:db8::/127", "2001:db8::2", false), ("::1", "::1", true), ("::1", "::2", false),
    // An IPv4 address in an IPv6 one is the former.
    ("192.0.2.0/24", "::ffff:192.0.2.9", true), ("::ffff:192.0.2.0/24", "192.0.2.9", true),
  ])
  func contains(_ range: String, _ address: String, _ isInside: Bool) throws {
    let range = try #require(AddressRange(range))
    #expect(range.contains(try #require(NetworkAddress(address))) == isInside)
  }

  @Test(arguments: [
    "", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0.0/ 8",
    "10.0.0/8",
    "2001:db8::/129", "::ffff:10.0.0.0/33", "example.org", "10.0.0.0/255.0.0.0", "/8", "[::1]", "10.0.0.0/٨",
  ])
  func refuses(_ text: String) {
    #expect(AddressRange(text) == nil)
  }

  @Test(arguments: [
    ("192.0.2.1", "192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1"),
    ("2001:DB8:0:0::1", "2001:db8::1", "2001:db8::"),
    ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"), ("::1", "::1", "::"),
  ])
  func hasOneSpellingAndANetwork(_ text: String, _ spelling: String, _ network: String) throws {
    let address = try #require(NetworkAddress(text))
    #expect(address.description == spelling)
    #expect(address.range(bits: 64) == AddressRange("\(network)/\(address.isIPv6 ? 64 : 32)"))
    #expect(address.range(bits: 64) != address.range(bits: 16))
  }

  @Test(arguments: [
    "", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4:80", "[::1]", "::1%lo", " ::1", "unix:",
  ])
  func isNoAddress(_ text: String) {
    #expect(NetworkAddress(text) == nil)
  }
}
