import Testing

@testable import Supervision

@Suite struct ListenAddressTests {
  @Test func readsTheirForms() {
    #expect(ListenAddress("unix:/run/a.sock") == .unix(path: "/run/a.sock"))
    #expect(ListenAddress("127.0.0.1:9000") == .tcp(host: "127.0.0.1", port: 9000))
    #expect(ListenAddress("[::1]:9000") == .tcp(host: "::1", port: 9000))
    #expect(ListenAddress("localhost:9000") == .tcp(host: "localhost", port: 9000))
  }

  @Test(arguments: [
    "", "unix:", "9000", ":9000", "localhost", "localhost:", "localhost:x", "localhost:65536",
    "::1:9000", "unix:" + String(repeating: "a", count: 108),
  ])
  func refusesTheRest(_ text: String) {
    #expect(ListenAddress(text) == nil)
  }
}
