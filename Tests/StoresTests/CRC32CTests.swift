import Testing

@testable import Stores

@Suite struct CRC32CTests {
  private static let answers: [([UInt8], UInt32)] = [
    (Array("123456789".utf8), 0xe306_9283),
    ([], 0),
    ([UInt8](repeating: 0, count: 32), 0x8a91_36aa),
    ([UInt8](repeating: 0xff, count: 32), 0x62a8_ab43),
    ([UInt8](0..<32), 0x46dd_794e),
    ([UInt8]((0..<32).reversed()), 0x113f_db5c),
  ]

  /// RFC 3720, appendix B.4, and the check value that catalogues give.
  @Test(arguments: answers)
  func knownAnswers(bytes: [UInt8], checksum: UInt32) {
    #expect(CRC32C.checksum(bytes[...]) == checksum)
  }
}
